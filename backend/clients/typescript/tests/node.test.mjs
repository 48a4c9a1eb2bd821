// The client against a running server, in Node. tests/clients runs it with these variables.
import assert from "node:assert/strict";
import test from "node:test";

import { createLiftoff, ProblemError, Unreachable, unwrap } from "../dist/index.js";

const { API: baseUrl, USERNAME, PASSWORD, EXPIRED } = process.env;

/** A client whose requests are counted, and whose network can do harm by `harm(request)`. */
function client(options = {}) {
  const sent = [];
  const network = { harm: undefined };
  const api = createLiftoff({
    baseUrl,
    fetch: async (request) => {
      sent.push(request.clone());
      const harmed = await network.harm?.(request, sent.length);
      return harmed ?? fetch(request);
    },
    ...options,
  });
  return { api, sent, network, to: (path) => sent.filter(({ url }) => new URL(url).pathname === path) };
}

async function signedIn(options) {
  const made = client(options);
  assert.equal(await made.api.signIn(USERNAME, PASSWORD), undefined);
  made.sent.length = 0;
  return made;
}

/** Replace the access token of the next `count` requests by one that has expired. */
function expire({ network }, count) {
  let left = count;
  network.harm = (request) => {
    if (request.headers.has("Authorization") && left-- > 0) {
      request.headers.set("Authorization", `Bearer ${EXPIRED}`);
    }
  };
}

function store() {
  const items = new Map();
  return {
    getItem: (key) => items.get(key) ?? null,
    setItem: (key, value) => void items.set(key, value),
    removeItem: (key) => void items.delete(key),
  };
}

test("a wrong password is a problem with a code", async () => {
  await assert.rejects(client().api.signIn(USERNAME, "a wrong password"), (error) => {
    assert.ok(error instanceof ProblemError);
    assert.deepEqual([error.status, error.code], [401, "invalid_credentials"]);
    assert.ok(error.requestId);
    return true;
  });
});

test("a refused field has its message", async () => {
  const { api } = await signedIn();
  const refused = unwrap(api.POST("/blog/posts", { body: { title: "", content: "x" } }));
  await assert.rejects(refused, (error) => error.code === "validation_error" && !!error.of("title"));
});

test("parallel calls with an expired token share one refresh", async () => {
  const made = await signedIn();
  expire(made, 8);
  const calls = Array.from({ length: 8 }, () => unwrap(made.api.GET("/auth/me")));
  for (const me of await Promise.all(calls)) assert.equal(me.username, USERNAME);
  assert.equal(made.to("/auth/refresh").length, 1);
});

test("a refresh whose answer is lost is repeated", async () => {
  const made = await signedIn();
  let lost = 0;
  expire(made, 1);
  const { harm } = made.network;
  made.network.harm = async (request) => {
    if (!request.url.endsWith("/auth/refresh") || lost++) return harm(request);
    await fetch(request);
    throw new TypeError("the connection was reset");
  };
  assert.equal((await unwrap(made.api.GET("/auth/me"))).username, USERNAME);
  assert.equal((await unwrap(made.api.GET("/auth/sessions"))).some(({ current }) => current), true);
});

test("two programs with one store take turns", async () => {
  const shared = store();
  const one = await signedIn({ store: shared });
  const two = client({ store: shared });
  assert.equal((await unwrap(two.api.GET("/auth/me"))).username, USERNAME);
  expire(one, 1); // its refresh token has been used by the other one
  assert.equal((await unwrap(one.api.GET("/auth/me"))).username, USERNAME);
});

test("logging out everywhere ends the other sessions", async () => {
  const [one, two] = [await signedIn(), await signedIn()];
  const heard = [];
  two.api.onChange((state) => heard.push(state));
  await one.api.signOutEverywhere();
  assert.equal(one.api.signedIn, false);
  await assert.rejects(unwrap(two.api.GET("/auth/me")), (error) => error.code === "not_authenticated");
  assert.deepEqual([two.api.signedIn, heard], [false, [false]]);
});

test("logging out leaves no session, and the next call has no token", async () => {
  const made = await signedIn();
  await made.api.signOut();
  made.sent.length = 0;
  await assert.rejects(unwrap(made.api.GET("/auth/me")), (error) => error.status === 401);
  assert.deepEqual(made.sent.map(({ headers }) => headers.has("Authorization")), [false]);
});

test("a create whose answer is lost takes effect once", async () => {
  const made = await signedIn();
  let lost = 0;
  made.network.harm = async (request) => {
    if (request.method !== "POST" || lost++) return;
    await fetch(request);
    throw new TypeError("the connection was reset");
  };
  const post = await unwrap(made.api.POST("/blog/posts", { body: { title: "Once", content: "x" } }));
  const keys = made.to("/blog/posts").map(({ headers }) => headers.get("Idempotency-Key"));
  assert.equal(keys.length, 2);
  assert.equal(new Set(keys).size, 1);
  const found = [];
  for await (const each of made.api.items("/blog/posts", { query: { published_only: false } })) {
    if (each.title === "Once") found.push(each.id);
  }
  assert.deepEqual(found, [post.id]);
});

test("an update whose answer is lost is not repeated", async () => {
  const made = await signedIn();
  const post = await unwrap(made.api.POST("/blog/posts", { body: { title: "Twice", content: "x" } }));
  const params = { path: { post_id: post.id } };
  await unwrap(made.api.GET("/blog/posts/{post_id}", { params }));
  made.network.harm = () => {
    throw new TypeError("the connection was reset");
  };
  const lost = made.api.PUT("/blog/posts/{post_id}", { params, body: { title: "Thrice" } });
  await assert.rejects(lost, Unreachable);
  assert.equal(made.sent.filter(({ method }) => method === "PUT").length, 1);
});

test("Retry-After is waited for, unless it is too long", async () => {
  const made = await signedIn({ maxWait: 2 });
  const refusal = (seconds) =>
    new Response(JSON.stringify({ code: "too_many_requests" }), {
      status: 429,
      headers: { "Retry-After": String(seconds), "Content-Type": "application/problem+json" },
    });
  made.network.harm = (_, count) => (count === 1 ? refusal(1) : undefined);
  const before = performance.now();
  await unwrap(made.api.GET("/auth/me"));
  assert.ok(performance.now() - before > 900);
  made.network.harm = () => refusal(3);
  await assert.rejects(unwrap(made.api.GET("/auth/me")), (error) => error.status === 429);
});

test("a list is read page by page, and no further than wanted", async () => {
  const made = await signedIn();
  const titles = Array.from({ length: 5 }, (_, n) => `Page ${n}`);
  for (const title of titles) {
    await unwrap(made.api.POST("/blog/posts", { body: { title, content: "x", is_published: true } }));
  }
  const query = { author: USERNAME, limit: 2, sort: "created_at" };
  const read = async (enough) => {
    const found = [];
    made.sent.length = 0;
    for await (const { title } of made.api.items("/blog/posts", { query })) {
      if (found.push(title) === enough) break;
    }
    return [found, made.sent.length];
  };
  assert.deepEqual(await read(), [titles, 3]);
  assert.deepEqual(await read(1), [titles.slice(0, 1), 1]);
});

test("what has not changed is not sent again", async () => {
  const { api } = await signedIn();
  const post = await unwrap(api.POST("/blog/posts", { body: { title: "Kept", content: "x" } }));
  const params = { path: { post_id: post.id } };
  const read = () => unwrap(api.GET("/blog/posts/{post_id}", { params }));
  const statuses = [];
  const watched = await signedIn({
    fetch: async (request) => {
      const response = await fetch(request);
      statuses.push(response.status);
      return response;
    },
  });
  const again = () => unwrap(watched.api.GET("/blog/posts/{post_id}", { params }));
  assert.deepEqual(await again(), await again());
  assert.deepEqual(statuses.slice(-2), [200, 304]);
  assert.equal((await read()).title, "Kept");
});

test("an update of what someone else has changed is refused", async () => {
  const [one, two] = [await signedIn(), await signedIn()];
  const post = await unwrap(one.api.POST("/blog/posts", { body: { title: "Ours", content: "x" } }));
  const params = { path: { post_id: post.id } };
  for (const { api } of [one, two]) await unwrap(api.GET("/blog/posts/{post_id}", { params }));
  const update = ({ api }, title) => unwrap(api.PUT("/blog/posts/{post_id}", { params, body: { title } }));
  await update(one, "Mine");
  await update(one, "Mine again"); // with the version of its own update
  await assert.rejects(update(two, "Yours"), (error) => error.code === "stale");
  assert.equal((await unwrap(two.api.GET("/blog/posts/{post_id}", { params }))).title, "Mine again");
  await update(two, "Yours");
});

test("a server that is not there is Unreachable, after some attempts", async () => {
  const made = client({ baseUrl: "http://127.0.0.1:9" });
  await assert.rejects(made.api.GET("/blog/posts"), Unreachable);
  assert.equal(made.sent.length, 4);
});

test("a caller's abort ends the waiting at once", async () => {
  const made = client({ baseUrl: "http://127.0.0.1:9" });
  const stop = new AbortController();
  const asked = made.api.GET("/blog/posts", { signal: stop.signal });
  setTimeout(() => stop.abort(), 50);
  await assert.rejects(asked, (error) => error.name === "AbortError");
});

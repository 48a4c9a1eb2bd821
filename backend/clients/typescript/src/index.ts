import createClient, { type Client } from "openapi-fetch";

import { pages } from "./pages.js";
import { ProblemError, unwrap } from "./problems.js";
import { persist } from "./retries.js";
import { keyed, type paths } from "./schema.js";
import { memory, Session } from "./session.js";
import type { Item, ListParams, ListPath, Store, Token } from "./types.js";
import { Versions } from "./versions.js";

export { type Problem, ProblemError, Unreachable, unwrap } from "./problems.js";
export type { Item, ListPath, Store, Token } from "./types.js";
export type { components, paths } from "./schema.js";

export interface Options {
  /** The URL of the API, such as `https://api.example.com`. By default, the URL of the page. */
  baseUrl?: string;
  /** `cookie` in browsers and `bearer` elsewhere, unless you choose. */
  session?: "cookie" | "bearer";
  /** By default, `localStorage` in browsers, and memory elsewhere. */
  store?: Store;
  /** The longest `Retry-After` to wait for, in seconds. */
  maxWait?: number;
  /** The time that one attempt of a request may take, in seconds. */
  timeout?: number;
  fetch?: typeof globalThis.fetch;
}

/** The second step of a sign-in: the code of the user's app, or a recovery code. */
export interface SecondFactor {
  answer(code: string): Promise<void>;
}

export interface Liftoff extends Pick<Client<paths>, "GET" | "POST" | "PUT" | "PATCH" | "DELETE"> {
  /** Whether there was a session when we last looked. */
  readonly signedIn: boolean;
  /** Call the listener after each sign-in and sign-out, also in another tab. */
  onChange(listener: (signedIn: boolean) => void): () => void;
  /** Sign in. If the account has a second factor, the result is the step that is still missing. */
  signIn(username: string, password: string): Promise<SecondFactor | undefined>;
  /** Finish a sign-in with Google. The code is in the address to which Google has led back. */
  finishGoogle(code: string, codeVerifier?: string): Promise<SecondFactor | undefined>;
  /** Whether a member of staff acts as the user in this tab. */
  readonly acting: boolean;
  /** Act as a user, with the code in the link that the admin shows to staff. `signOut` ends it. */
  actAs(code: string): Promise<void>;
  signOut(): Promise<void>;
  /** End every session of the account, on every device. */
  signOutEverywhere(): Promise<void>;
  /** Iterate over all items of a list, page by page. */
  items<P extends ListPath>(path: P, params?: ListParams<P>): AsyncGenerator<Item<P>, void, void>;
}

// These requests have their credentials in the body. An old token would only be refused.
const WITHOUT_TOKEN = /\/auth\/(token|token\/mfa|refresh|google\/exchange|impersonation)$/;

export function createLiftoff(options: Options = {}): Liftoff {
  const browser = typeof document !== "undefined";
  const base = (options.baseUrl ?? (browser ? location.origin : "")).replace(/\/+$/, "");
  const mode = options.session ?? (browser ? "cookie" : "bearer");
  const fetch = options.fetch ?? globalThis.fetch;
  const credentials = mode === "cookie" ? "include" : "same-origin";
  const patience = { maxWait: options.maxWait ?? 30, timeout: options.timeout ?? 30 };
  const versions = new Versions();
  const session = new Session({
    mode,
    name: `liftoff ${base}`,
    store: options.store ?? (browser ? localStorage : memory()),
    // For ten seconds, a used token gets the same successor. A retry must come within that time.
    refresh: (body) =>
      persist(post("/auth/refresh", body), fetch, { maxWait: 5, timeout: 5, repeatable: true }),
  });
  session.onChange(() => versions.clear());

  async function send(request: Request): Promise<Response> {
    const used = WITHOUT_TOKEN.test(new URL(request.url).pathname) ? undefined : await session.token();
    if (used) request.headers.set("Authorization", `Bearer ${used}`);
    versions.prepare(request);
    let response = await persist(request, fetch, patience);
    if (used && (await tokenRefused(response))) {
      const fresh = await session.renew(used);
      if (fresh) {
        request.headers.set("Authorization", `Bearer ${fresh}`);
        response = await persist(request, fetch, patience);
      }
    }
    return versions.note(request, response);
  }

  function post(path: string, body: object): Request {
    const form = body instanceof URLSearchParams;
    return new Request(base + path, {
      method: "POST",
      credentials,
      headers: form ? {} : { "Content-Type": "application/json" },
      body: form ? body : JSON.stringify(body),
    });
  }

  async function enter(path: string, body: object): Promise<SecondFactor | undefined> {
    const kind = mode === "cookie" ? "cookie" : "body";
    const response = await persist(post(`${path}?session=${kind}`, body), fetch, patience);
    const answer = (await response.json().catch(() => null)) as (Token & { mfa_token?: string }) | null;
    if (response.ok && answer) return void session.adopt(answer);
    const mfa_token = answer?.mfa_token;
    if (!mfa_token) throw new ProblemError(answer, response);
    return { answer: async (code) => void (await enter("/auth/token/mfa", { mfa_token, code })) };
  }

  async function leave(path: "/auth/logout" | "/auth/logout-all"): Promise<void> {
    const { error, response } = await client.POST(path, {});
    // If the session has already ended, the user is signed out all the same.
    if (!response.ok && response.status !== 401) throw new ProblemError(error, response);
    session.clear();
  }

  const client = createClient<paths>({ baseUrl: base, credentials, fetch: send });
  client.use({
    onRequest: ({ request, schemaPath }) => {
      const creates = request.method === "POST" && keyed.includes(schemaPath);
      if (creates && !request.headers.has("Idempotency-Key")) {
        request.headers.set("Idempotency-Key", crypto.randomUUID());
      }
    },
  });

  return {
    GET: client.GET,
    POST: client.POST,
    PUT: client.PUT,
    PATCH: client.PATCH,
    DELETE: client.DELETE,
    get signedIn() {
      return session.signedIn;
    },
    onChange: (listener) => session.onChange(listener),
    signIn: (username, password) => enter("/auth/token", new URLSearchParams({ username, password })),
    finishGoogle: (code, code_verifier) =>
      enter("/auth/google/exchange", { code, ...(code_verifier && { code_verifier }) }),
    get acting() {
      return session.acting;
    },
    actAs: async (code) => session.act(await unwrap(client.POST("/auth/impersonation", { body: { code } }))),
    signOut: () => leave("/auth/logout"),
    signOutEverywhere: () => leave("/auth/logout-all"),
    items: (path, params) =>
      pages((query) => {
        const { query: filters, ...rest } = (params ?? {}) as { query?: object };
        const sent = { ...rest, query: { ...filters, ...query } };
        return unwrap(client.GET(path as "/blog/posts", { params: sent }));
      }) as AsyncGenerator<never>,
  };
}

/** Return whether the server refused the access token, and not a password or code in the body. */
async function tokenRefused(response: Response): Promise<boolean> {
  if (response.status !== 401) return false;
  const problem = (await response.clone().json().catch(() => ({}))) as { code?: string };
  return problem.code === "not_authenticated";
}

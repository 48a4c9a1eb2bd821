"use strict";
const api = document.body.dataset.api, status = document.querySelector("[role=status]"), KEPT = "liftoff signed in";
const show = (id) => { const part = document.getElementById(id); if (part) part.hidden = false; return part; };
const reason = (problem) => (problem.errors && problem.errors[0] && problem.errors[0].msg) || problem.detail || problem.code;
const say = (text, kind) => { status.textContent = text; status.className = kind || ""; };
const entitle = (title) => { // shows the new state of the page in its heading and its title
  document.querySelector("h1").textContent = title;
  document.title = title + " · Liftoff";
};

async function send(method, path, body, token) {
  const headers = {...(body === undefined ? {} : {"Content-Type": "application/json"}), ...(token ? {Authorization: "Bearer " + token} : {})};
  const answer = await fetch(api + path, {method, headers, body: body === undefined ? undefined : JSON.stringify(body)});
  const text = await answer.text();
  const json = text && answer.headers.get("content-type")?.includes("json") ? JSON.parse(text) : text;
  return {ok: answer.ok, status: answer.status, json};
}

// The refresh token is in a cookie that no script can read. The item in localStorage only saves a request without one.
async function accessToken() {
  if (!localStorage.getItem(KEPT)) return null;
  const {ok, json} = await send("POST", "/auth/refresh", {});
  if (!ok) localStorage.removeItem(KEPT);
  return ok ? json.access_token : null;
}

async function signOut() {
  await send("POST", "/auth/logout", {}); // the cookie is enough
  localStorage.removeItem(KEPT);
  location.assign(api + "/dev/frontend");
}

// Runs the action of a button: once at a time, with a message if it fails, and with the focus where it was.
async function press(button, act) {
  button.disabled = true;
  try {
    await act();
  } catch (error) {
    say("The API cannot be reached: " + error.message, "bad");
  }
  button.disabled = false;
  if (document.activeElement === document.body && button.checkVisibility()) button.focus();
}

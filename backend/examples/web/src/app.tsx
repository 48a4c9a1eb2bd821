import type { ComponentChild } from "preact";
import { useEffect, useState } from "preact/hooks";

import { Account, Activity, Missing, Sessions } from "./account";
import { api, apiPath, unwrap } from "./api";
import { Billing, Pricing, Success } from "./billing";
import { Article, Blog, Write } from "./blog";
import { Callback, ConfirmEmail, ForgotPassword, Impersonate, Register, ResetPassword, SignIn, VerifyEmail } from "./entering";
import { go, Link, Router, usePlace } from "./router";
import { Card, Page, useAction, useLoad } from "./ui";

const PUBLIC: Record<string, () => ComponentChild> = {
  "": () => <Start />,
  register: () => <Register />,
  "sign-in": () => <SignIn />,
  "forgot-password": () => <ForgotPassword />,
  "verify-email": () => <VerifyEmail />,
  "reset-password": () => <ResetPassword />,
  "confirm-email": () => <ConfirmEmail />,
  "auth/callback": () => <Callback />,
  impersonate: () => <Impersonate />,
  pricing: () => <Pricing />,
  blog: () => <Blog />,
};
const OWN: Record<string, () => ComponentChild> = {
  account: () => <Account />,
  sessions: () => <Sessions />,
  billing: () => <Billing />,
  "billing/success": () => <Success />,
  activity: () => <Activity />,
  write: () => <Write />,
};

const look = () => ({ signedIn: api.signedIn, acting: api.acting });

export function App() {
  const [{ signedIn, acting }, setState] = useState(look);
  // Signing out in another tab changes this page, too.
  useEffect(() => api.onChange(() => setState(look())), []);
  return (
    <Router>
      <a class="skip" href="#main" onClick={skip}>
        Skip to the content
      </a>
      {acting && <Acting />}
      <Header signedIn={signedIn} />
      <main id="main" tabIndex={-1}>
        <Route signedIn={signedIn} />
      </main>
    </Router>
  );
}

function skip(event: Event): void {
  event.preventDefault(); // the address is relative to <base>
  document.getElementById("main")?.focus();
}

function Route({ signedIn }: { signedIn: boolean }) {
  const { path } = usePlace();
  const [, slug] = /^blog\/(.+)$/.exec(path) ?? [];
  const [, id] = /^write\/(\d+)$/.exec(path) ?? [];
  const own = OWN[path] ?? (id && (() => <Write id={Number(id)} key={id} />));
  if (own) return <>{signedIn ? own() : <Closed path={path} />}</>;
  if (slug) return <Article slug={slug} key={slug} />;
  return <>{(PUBLIC[path] ?? (() => <Missing />))()}</>;
}

const Closed = ({ path }: { path: string }) => (
  <Page title="You are not signed in" lead="Sign in to see this page.">
    <p class="actions">
      <Link class="button" to={`sign-in?next=${path}`}>
        Sign in
      </Link>
      <Link class="button" to="register">
        Create an account
      </Link>
    </p>
  </Page>
);

function Header({ signedIn }: { signedIn: boolean }) {
  const { act, busy, shown } = useAction();
  const signOut = () =>
    act(async () => {
      await api.signOut();
      go("");
    });
  return (
    <header>
      <nav aria-label="Main">
        <Link class="brand" to="">
          Liftoff
        </Link>
        <Link to="blog">Blog</Link>
        <Link to="pricing">Pricing</Link>
        {signedIn ? (
          <>
            <Link to="billing">Billing</Link>
            <Link to="activity">Activity</Link>
            <Link to="sessions">Sessions</Link>
            <Link to="account">Account</Link>
            <button class="plain" aria-disabled={busy} onClick={signOut}>
              Sign out
            </button>
          </>
        ) : (
          <>
            <Link to="sign-in">Sign in</Link>
            <Link to="register">Create an account</Link>
          </>
        )}
      </nav>
      {shown}
    </header>
  );
}

/** What staff see on every page while they act as a user. */
function Acting() {
  const me = useLoad(() => unwrap(api.GET("/auth/me")));
  const { act, busy, shown } = useAction();
  const stop = () =>
    act(async () => {
      await api.signOut();
      go("");
    });
  return (
    <div class="acting" role="region" aria-label="Acting as a user">
      <p>
        You act as <strong>{me.data?.username ?? "…"}</strong>, as staff member{" "}
        {me.data?.impersonated_by ?? "…"}. What you do is recorded.
      </p>
      <button class="plain" aria-disabled={busy} onClick={stop}>
        Stop
      </button>
      {shown}
    </div>
  );
}

function Start() {
  return (
    <Page
      title="Your frontend goes here"
      lead="Until then, this demo shows what the API can do. It uses nothing but the typed client."
    >
      <ul class="plans">
        <li class="card">
          <h2>Accounts</h2>
          <p class="quiet">Register, confirm the address by the link in the mailbox, and add a second factor.</p>
          <Link to={api.signedIn ? "account" : "register"}>{api.signedIn ? "Your account" : "Register"}</Link>
        </li>
        <li class="card">
          <h2>Payments</h2>
          <p class="quiet">Subscribe through the simulator, change the plan, and cancel.</p>
          <Link to="pricing">See the plans</Link>
        </li>
        <li class="card">
          <h2>Content</h2>
          <p class="quiet">Read and search the blog, write posts, and go back to old revisions.</p>
          <Link to="blog">Read the blog</Link>
        </li>
      </ul>
      <Card title="For developers">
        <p>
          <a href={`${apiPath}/docs`}>API documentation</a> · <a href={`${apiPath}/dev/mailbox`}>Mailbox</a>
        </p>
        <p class="quiet">
          The sources are in backend/examples/web. When your own frontend is ready, set FRONTEND_URL: links in
          emails and returns from Stripe then lead there.
        </p>
      </Card>
    </Page>
  );
}

import type { SecondFactor } from "liftoff-client";
import { useEffect, useRef, useState } from "preact/hooks";

import { api, apiPath, unwrap } from "./api";
import { forgetQuery, go, Link, usePlace } from "./router";
import { Card, Field, Form, Notice, Page, words } from "./ui";

const withGoogle = document.documentElement.dataset.google === "yes";

const Google = ({ next = "account" }: { next?: string }) =>
  withGoogle ? (
    <a class="button" href={`${apiPath}/auth/google/login?next=${encodeURIComponent(`/${next}`)}`}>
      Continue with Google
    </a>
  ) : null;

const Mailbox = () => (
  <a class="button" href={`${apiPath}/dev/mailbox`}>
    Open the mailbox
  </a>
);

const NewPassword = ({ name }: { name: string }) => (
  <Field
    name={name}
    label={name === "password" ? "Password" : "New password"}
    type="password"
    autocomplete="new-password"
    hint="At least 12 characters. A sentence is a good password."
  />
);

export function Register() {
  const [sent, setSent] = useState(false);
  if (sent) {
    return (
      <Page title="Confirm your address" lead="An email with a link is in the mailbox.">
        <p class="actions">
          <Mailbox />
        </p>
      </Page>
    );
  }
  return (
    <Page title="Create an account" lead="The mailbox of this server gets a link to confirm the address.">
      <Card>
        <Form
          button="Create my account"
          more={<Google />}
          action={async ({ username = "", email = "", password = "" }) => {
            await unwrap(api.POST("/auth/register", { body: { username, email, password } }));
            setSent(true);
          }}
        >
          <Field name="username" label="Username" autocomplete="username" autocapitalize="none" />
          <Field name="email" label="Email address" type="email" autocomplete="email" />
          <NewPassword name="password" />
        </Form>
      </Card>
      <p class="quiet">
        You have an account? <Link to="sign-in">Sign in</Link>
      </p>
    </Page>
  );
}

function Code({ factor, then }: { factor: SecondFactor; then: () => void }) {
  return (
    <Page title="Enter your code" lead="Open your authenticator app, or use a recovery code.">
      <Card>
        <Form
          button="Continue"
          action={async ({ code = "" }) => {
            await factor.answer(code.trim());
            then();
          }}
        >
          <Field name="code" label="Code" autocomplete="one-time-code" autocapitalize="none" />
        </Form>
      </Card>
    </Page>
  );
}

export function SignIn() {
  const { query } = usePlace();
  const [factor, setFactor] = useState<SecondFactor>();
  const next = query.get("next") ?? "account";
  const then = () => go(next);
  if (factor) return <Code factor={factor} then={then} />;
  return (
    <Page title="Sign in" lead="Use your own account, or author@example.com with the demo password that make dev prints.">
      <Card>
        <Form
          button="Sign in"
          more={<Google next={next} />}
          action={async ({ username = "", password = "" }) => {
            const missing = await api.signIn(username, password);
            if (missing) setFactor(missing);
            else then();
          }}
        >
          <Field name="username" label="Username or email address" autocomplete="username" autocapitalize="none" />
          <Field name="password" label="Password" type="password" autocomplete="current-password" />
        </Form>
      </Card>
      <p class="quiet">
        <Link to="register">Create an account</Link> · <Link to="forgot-password">I forgot my password</Link>
      </p>
    </Page>
  );
}

export function ForgotPassword() {
  return (
    <Page title="Forgot your password?" lead="We send a link to choose a new one, if there is an account.">
      <Card>
        <Form
          button="Send the link"
          done="If there is an account with this address, the link is in the mailbox."
          more={<Mailbox />}
          action={({ email = "" }) => unwrap(api.POST("/auth/password/forgot", { body: { email } }))}
        >
          <Field name="email" label="Email address" type="email" autocomplete="email" />
        </Form>
      </Card>
    </Page>
  );
}

/** Return the token of the link, and remove it from the address. */
function useToken(name = "token"): string {
  const { query } = usePlace();
  const [token] = useState(() => query.get(name) ?? "");
  useEffect(forgetQuery, []);
  return token;
}

interface LinkedProps {
  title: string;
  lead: string;
  button: string;
  done: string;
  asks?: boolean;
  action: (token: string, password: string) => Promise<unknown>;
}

/** A page to which a link in an email leads. */
function Linked({ title, lead, button, done, asks, action }: LinkedProps) {
  const token = useToken();
  const [finished, setFinished] = useState(false);
  if (finished) {
    return (
      <Page title={done} lead="You can sign in now.">
        <p class="actions">
          <Link class="button" to="sign-in">
            Sign in
          </Link>
        </p>
      </Page>
    );
  }
  return (
    <Page title={title} lead={lead}>
      {token ? (
        <Card>
          <Form
            button={button}
            action={async ({ new_password = "" }) => {
              await action(token, new_password);
              setFinished(true);
            }}
          >
            {asks && <NewPassword name="new_password" />}
          </Form>
        </Card>
      ) : (
        <Notice kind="bad">This address contains no token. Open the link exactly as it was sent.</Notice>
      )}
    </Page>
  );
}

export const VerifyEmail = () => (
  <Linked
    title="Confirm your email address"
    lead="Press the button to confirm your address."
    button="Confirm my address"
    done="Address confirmed"
    action={(token) => unwrap(api.POST("/auth/verify-email", { body: { token } }))}
  />
);

export const ConfirmEmail = () => (
  <Linked
    title="Confirm your new email address"
    lead="Your account uses this address from then on."
    button="Use this address"
    done="Address changed"
    action={(token) => unwrap(api.POST("/auth/email-change/confirm", { body: { token } }))}
  />
);

export const ResetPassword = () => (
  <Linked
    title="Choose a new password"
    lead="Changing the password signs out all your devices."
    button="Change the password"
    done="Password changed"
    asks
    action={(token, new_password) => unwrap(api.POST("/auth/password/reset", { body: { token, new_password } }))}
  />
);

/** Where the admin leads staff who act as a user. The code is in the fragment, which no server gets. */
export function Impersonate() {
  const [code] = useState(() => location.hash.slice(1));
  const [error, setError] = useState<string>();
  const asked = useRef(false);
  useEffect(() => {
    if (asked.current) return; // the code works once
    asked.current = true;
    forgetQuery();
    api.actAs(code).then(
      () => go("", true),
      (reason: unknown) => setError(words(reason)),
    );
  }, []);
  return (
    <Page title="Acting as a user">
      {error ? <Notice kind="bad">{error}</Notice> : <p class="quiet">Opening the account…</p>}
    </Page>
  );
}

export function Callback() {
  const { query } = usePlace();
  const [failed] = useState(() => query.get("error"));
  const [next] = useState(() => query.get("next")?.replace(/^\//, "") ?? "account");
  const code = useToken("code");
  const [factor, setFactor] = useState<SecondFactor>();
  const [error, setError] = useState<string>();
  const asked = useRef(false);
  useEffect(() => {
    if (asked.current || !code) return; // the code works once
    asked.current = true;
    api.finishGoogle(code).then(
      (missing) => (missing ? setFactor(missing) : go(next, true)),
      (reason: unknown) => setError(words(reason)),
    );
  }, []);
  if (factor) return <Code factor={factor} then={() => go(next, true)} />;
  const problem = failed ? `Google sign-in failed: ${failed.replaceAll("_", " ")}.` : error;
  return (
    <Page title="Back from Google">
      {problem || !code ? (
        <>
          <Notice kind="bad">{problem ?? "This address contains no code."}</Notice>
          <p class="actions">
            <Link class="button" to="sign-in">
              Sign in
            </Link>
          </p>
        </>
      ) : (
        <p class="quiet">Signing you in…</p>
      )}
    </Page>
  );
}

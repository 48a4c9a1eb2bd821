import { useState } from "preact/hooks";

import { api, apiPath, type Me, unwrap } from "./api";
import { go, usePlace } from "./router";
import { Totp } from "./totp";
import { Card, Empty, Field, Form, moment, Notice, Page, useAction, useLoad, Wait } from "./ui";

const me = () => unwrap(api.GET("/auth/me"));

export function Account() {
  const loaded = useLoad(me);
  return (
    <Page title="Your account">
      <Wait for={loaded} />
      {loaded.data && (
        <>
          <Profile me={loaded.data} saved={loaded.reload} />
          <Address me={loaded.data} />
          <Password me={loaded.data} />
          <Totp me={loaded.data} changed={loaded.reload} />
          <Google me={loaded.data} changed={loaded.reload} />
          <Delete me={loaded.data} />
        </>
      )}
    </Page>
  );
}

/** The password, for changes that ask for it. Some accounts have none. */
export const Current = ({ me, name, id }: { me: Me; name: string; id: string }) =>
  me.has_password ? (
    <Field name={name} id={id} label="Current password" type="password" autocomplete="current-password" />
  ) : null;

function Profile({ me, saved }: { me: Me; saved: () => Promise<void> }) {
  return (
    <Card title="Profile">
      <dl>
        <dt>Email address</dt>
        <dd>{me.email}</dd>
        <dt>Member since</dt>
        <dd>{moment(me.created_at)}</dd>
      </dl>
      <Form
        button="Save"
        done="Saved."
        action={async ({ username = "" }) => {
          await unwrap(api.PATCH("/auth/me", { body: { username } }));
          await saved();
        }}
      >
        <Field name="username" label="Username" defaultValue={me.username} autocomplete="username" />
      </Form>
    </Card>
  );
}

function Address({ me }: { me: Me }) {
  return (
    <Card title="Change your email address">
      <Form
        button="Send a link to the new address"
        done="Open the link in the mailbox. Until then, the old address stays."
        action={({ new_email = "", address_password = null }: { new_email?: string; address_password?: string | null }) =>
          unwrap(api.POST("/auth/email-change", { body: { new_email, password: address_password } }))
        }
      >
        <Field name="new_email" label="New email address" type="email" autocomplete="email" />
        <Current me={me} name="address_password" id="address_password" />
      </Form>
    </Card>
  );
}

function Password({ me }: { me: Me }) {
  return (
    <Card title="Change your password">
      <Form
        button="Change the password"
        done="Your password has been changed. Your other devices are signed out."
        action={({ current_password = null, new_password = "" }: { current_password?: string | null; new_password?: string }) =>
          unwrap(api.POST("/auth/password/change", { body: { current_password, new_password } }))
        }
      >
        <Current me={me} name="current_password" id="current_password" />
        <Field name="new_password" label="New password" type="password" autocomplete="new-password" hint="At least 12 characters." />
      </Form>
    </Card>
  );
}

function Google({ me, changed }: { me: Me; changed: () => Promise<void> }) {
  const { act, busy, shown } = useAction();
  if (document.documentElement.dataset.google !== "yes") return null;
  return (
    <Card title="Google">
      {me.has_google ? (
        <Form
          button="Unlink Google"
          action={async ({ google_password = null }: { google_password?: string | null }) => {
            await unwrap(api.POST("/auth/google/unlink", { body: { password: google_password } }));
            await changed();
          }}
        >
          <Current me={me} name="google_password" id="google_password" />
        </Form>
      ) : (
        <>
          {shown}
          <button
            aria-disabled={busy}
            onClick={() => act(async () => location.assign((await unwrap(api.POST("/auth/google/link"))).url))}
          >
            Link your Google account
          </button>
        </>
      )}
    </Card>
  );
}

function Delete({ me }: { me: Me }) {
  return (
    <Card title="Delete your account">
      <p class="quiet">Your sessions end at once. Your public posts stay, without your name.</p>
      <Form
        danger
        button="Delete my account"
        action={async ({ delete_password = null }: { delete_password?: string | null }) => {
          await unwrap(api.POST("/auth/delete-account", { body: { password: delete_password } }));
          await api.signOut();
          go("");
        }}
      >
        <Current me={me} name="delete_password" id="delete_password" />
      </Form>
    </Card>
  );
}

export function Sessions() {
  const loaded = useLoad(() => unwrap(api.GET("/auth/sessions")));
  const { act, busy, shown } = useAction();
  const end = (session_id: number) =>
    act(async () => {
      await unwrap(api.DELETE("/auth/sessions/{session_id}", { params: { path: { session_id } } }));
      await loaded.reload();
    });
  return (
    <Page title="Your sessions" lead="These devices are signed in to your account.">
      <Wait for={loaded} />
      {shown}
      <ul class="list">
        {loaded.data?.map((each) => (
          <li key={each.id}>
            <div>
              <strong>{device(each.user_agent)}</strong> {each.current && <span class="tag">this device</span>}
              <p class="quiet">
                {each.ip_address}, last used {moment(each.last_used_at)}
              </p>
            </div>
            {!each.current && (
              <button class="plain" aria-disabled={busy} onClick={() => end(each.id)}>
                End<span class="unseen"> the session of {device(each.user_agent)}</span>
              </button>
            )}
          </li>
        ))}
      </ul>
      <p class="actions">
        <button
          class="plain"
          aria-disabled={busy}
          onClick={() =>
            act(async () => {
              await api.signOutEverywhere();
              go("");
            })
          }
        >
          Sign out everywhere
        </button>
      </p>
    </Page>
  );
}

function device(agent: string): string {
  const name = /Firefox|Edg|Chrome|Safari|curl/.exec(agent)?.[0] ?? agent.slice(0, 40);
  const system = /Android|iPhone|iPad|Windows|Mac OS|Linux/.exec(agent)?.[0];
  const known = name.replace("Edg", "Edge");
  return system ? `${known} on ${system}` : known || "Unknown device";
}

const KINDS = {
  "": "Everything",
  sign_in: "Sign-ins",
  credential_change: "Credentials",
  payment: "Payments",
  post: "Posts",
} as const;

export function Activity() {
  const { query } = usePlace();
  const asked = query.get("kind") ?? "";
  const kind = asked in KINDS ? (asked as keyof typeof KINDS) : "";
  const [wanted, setWanted] = useState(20);
  const loaded = useLoad(async () => {
    const found = [];
    const filter = kind ? { kind } : {};
    for await (const each of api.items("/activity", { query: filter })) {
      if (found.push(each) > wanted) break;
    }
    return found;
  }, [kind, wanted]);
  return (
    <Page title="Activity" lead="What happened in your account, newest first.">
      <div class="field">
        <label for="kind">Show</label>
        <select id="kind" value={kind} onChange={(event) => go(`activity?kind=${event.currentTarget.value}`, true)}>
          {Object.entries(KINDS).map(([value, label]) => (
            <option key={value} value={value}>
              {label}
            </option>
          ))}
        </select>
      </div>
      <Wait for={loaded} />
      {loaded.data?.length === 0 && <Empty>Nothing has happened yet.</Empty>}
      <ul class="list">
        {loaded.data?.slice(0, wanted).map((each) => (
          <li key={each.id}>
            <span>{each.summary}</span>
            <time class="quiet" dateTime={each.created_at}>
              {moment(each.created_at)}
            </time>
          </li>
        ))}
      </ul>
      {(loaded.data?.length ?? 0) > wanted && (
        <p class="actions">
          <button class="plain" onClick={() => setWanted(wanted + 20)}>
            Show more
          </button>
        </p>
      )}
    </Page>
  );
}

export function Missing() {
  return (
    <Page title="There is no such page">
      <Notice kind="bad">Check the address, or choose a page above. The API is at {apiPath || "/"}.</Notice>
    </Page>
  );
}

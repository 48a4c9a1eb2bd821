import { useEffect, useRef, useState } from "preact/hooks";

import { Current } from "./account";
import { api, type Me, unwrap } from "./api";
import { Card, Field, Form } from "./ui";

interface Steps {
  me: Me;
  changed: () => Promise<void>;
}

/** Set up a second factor with a QR code, confirm it with a code, or turn it off. */
export function Totp({ me, changed }: Steps) {
  const [setUp, setSetUp] = useState<{ secret: string; otpauth_uri: string }>();
  const [codes, setCodes] = useState<string[]>();
  if (codes) return <Codes codes={codes} seen={changed} forget={() => setCodes(undefined)} />;
  return (
    <Card title="Two-step sign-in">
      {me.has_mfa ? (
        <Off me={me} changed={changed} />
      ) : setUp ? (
        <Form
          button="Turn it on"
          more={
            <button type="button" class="plain" onClick={() => setSetUp(undefined)}>
              Cancel
            </button>
          }
          action={async ({ totp_code = "" }) => {
            const made = await unwrap(api.POST("/auth/mfa/totp/confirm", { body: { code: totp_code.trim() } }));
            setSetUp(undefined);
            setCodes(made.recovery_codes);
          }}
        >
          <p>Scan this code with your authenticator app, or type the key.</p>
          <QrCode text={setUp.otpauth_uri} />
          <p>
            <code class="key">{setUp.secret}</code>
          </p>
          <Field name="totp_code" label="Code of the app" inputMode="numeric" autocomplete="one-time-code" />
        </Form>
      ) : (
        <Form
          button="Set up"
          action={async ({ totp_password = null }: { totp_password?: string | null }) =>
            setSetUp(await unwrap(api.POST("/auth/mfa/totp", { body: { password: totp_password } })))
          }
        >
          <p class="quiet">Signing in then also takes a code from an app on your phone.</p>
          <Current me={me} name="totp_password" id="totp_password" />
        </Form>
      )}
    </Card>
  );
}

function Off({ me, changed }: Steps) {
  return (
    <Form
      danger
      button="Turn it off"
      action={async ({ off_password = null, off_code = "" }: { off_password?: string | null; off_code?: string }) => {
        const body = { password: off_password, code: off_code.trim() };
        await unwrap(api.POST("/auth/mfa/totp/disable", { body }));
        await changed();
      }}
    >
      <p>Two-step sign-in is on.</p>
      <Current me={me} name="off_password" id="off_password" />
      <Field name="off_code" label="Code of the app, or a recovery code" autocomplete="one-time-code" />
    </Form>
  );
}

function Codes({ codes, seen, forget }: { codes: string[]; seen: () => Promise<void>; forget: () => void }) {
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => heading.current?.focus(), []);
  return (
    <section class="card">
      <h2 ref={heading} tabIndex={-1}>
        Keep your recovery codes
      </h2>
      <p>Each works once in place of the app. They are shown only now.</p>
      <ul class="codes">
        {codes.map((code) => (
          <li key={code}>
            <code>{code}</code>
          </li>
        ))}
      </ul>
      <div class="actions">
        <button
          onClick={async () => {
            forget();
            await seen();
          }}
        >
          I have stored them
        </button>
      </div>
    </section>
  );
}

function QrCode({ text }: { text: string }) {
  const [cells, setCells] = useState<boolean[][]>([]);
  useEffect(() => {
    let wanted = true;
    // Few visitors need the encoder, so the first page does not load it.
    void import("uqr").then(({ encode }) => wanted && setCells(encode(text, { border: 2 }).data));
    return () => void (wanted = false);
  }, [text]);
  const path = cells.flatMap((row, y) => row.map((dark, x) => (dark ? `M${x} ${y}h1v1h-1z` : ""))).join("");
  return (
    <svg class="qr" role="img" aria-label="QR code for the authenticator app" viewBox={`0 0 ${cells.length} ${cells.length}`}>
      <path d={path} />
    </svg>
  );
}

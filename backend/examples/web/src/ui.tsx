import type { ComponentChildren, JSX } from "preact";
import { useCallback, useEffect, useRef, useState } from "preact/hooks";

import { ProblemError } from "./api";
import { Link } from "./router";

export const words = (error: unknown): string =>
  error instanceof Error ? error.message : "Something went wrong. Try again.";

/** A page. Its title is also the title of the tab, and gets the focus when the page appears. */
export function Page({ title, lead, children }: { title: string; lead?: string; children?: ComponentChildren }) {
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    document.title = `${title} · Liftoff`;
    heading.current?.focus({ preventScroll: true });
  }, [title]);
  return (
    <>
      <h1 ref={heading} tabIndex={-1}>
        {title}
      </h1>
      {lead && <p class="lead">{lead}</p>}
      {children}
    </>
  );
}

export function Notice({ kind = "info", children }: { kind?: "info" | "good" | "bad"; children: ComponentChildren }) {
  return (
    <p class={`notice ${kind}`} role={kind === "bad" ? "alert" : "status"}>
      {children}
    </p>
  );
}

interface Loaded<T> {
  data: T | undefined;
  error: unknown;
  reload: () => Promise<void>;
}

/** Load something when the page appears, and again when one of `inputs` changes. */
export function useLoad<T>(load: () => Promise<T>, inputs: unknown[] = []): Loaded<T> {
  const [state, setState] = useState<{ data?: T; error?: unknown }>({});
  const newest = useRef(0);
  const reload = useCallback(async () => {
    const turn = ++newest.current;
    const next = await load().then(
      (data) => ({ data }),
      (error: unknown) => ({ error }),
    );
    if (turn === newest.current) setState(next);
  }, inputs);
  useEffect(() => {
    void reload();
    return () => void (newest.current += 1);
  }, [reload]);
  return { data: state.data, error: state.error, reload };
}

export function Wait({ for: { data, error } }: { for: { data: unknown; error: unknown } }) {
  if (error) return <Notice kind="bad">{words(error)}</Notice>;
  return data === undefined ? <p class="quiet" aria-busy="true">Loading…</p> : null;
}

/** Run an action, but not while it is still running. A failure is shown where `shown` stands. */
export function useAction() {
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>();
  const act = async (work: () => Promise<unknown>) => {
    if (busy) return;
    setBusy(true);
    setError(undefined);
    await work().catch(setError);
    setBusy(false);
  };
  return { busy, act, shown: error ? <Notice kind="bad">{words(error)}</Notice> : null };
}

interface FieldProps extends JSX.InputHTMLAttributes<HTMLInputElement> {
  name: string;
  label: string;
  hint?: string;
}

export function Field({ label, hint, name, ...more }: FieldProps) {
  return (
    <div class="field">
      <label for={name}>{label}</label>
      <input id={name} name={name} aria-describedby={`${name}-note`} required {...more} />
      <p class="note" id={`${name}-note`}>
        {hint}
      </p>
    </div>
  );
}

export type Values = Record<string, string>;

interface FormProps {
  button: string;
  action: (values: Values) => Promise<unknown>;
  /** The message after success. */
  done?: string;
  danger?: boolean;
  more?: ComponentChildren;
  children?: ComponentChildren;
}

/** A form that says what is wrong next to the field, and puts the focus there. */
export function Form({ button, action, done, danger, more, children }: FormProps) {
  const form = useRef<HTMLFormElement>(null);
  const [busy, setBusy] = useState(false);
  const [said, setSaid] = useState<{ kind: "good" | "bad"; text: string }>();

  function pointOut(error: unknown): void {
    const inputs = [...form.current!.querySelectorAll<HTMLInputElement>("input, textarea, select")];
    const wrong = inputs.filter((input) => error instanceof ProblemError && error.of(input.name));
    for (const input of wrong) input.setAttribute("aria-invalid", "true");
    (wrong[0] ?? inputs.at(-1))?.focus();
    setSaid({ kind: "bad", text: words(error) });
  }

  async function submit(event: Event): Promise<void> {
    event.preventDefault();
    if (busy) return;
    setBusy(true);
    setSaid(undefined);
    for (const input of form.current!.elements) input.removeAttribute("aria-invalid");
    const values = Object.fromEntries(new FormData(form.current!)) as Values;
    try {
      await action(values);
      if (done) {
        form.current?.reset();
        setSaid({ kind: "good", text: done });
      }
    } catch (error) {
      pointOut(error);
    }
    setBusy(false);
  }

  return (
    <form ref={form} onSubmit={submit} aria-busy={busy}>
      {children}
      {said && <Notice kind={said.kind}>{said.text}</Notice>}
      <div class="actions">
        <button class={danger ? "danger" : ""} aria-disabled={busy}>
          {button}
        </button>
        {more}
      </div>
    </form>
  );
}

export const Card = ({ title, children }: { title?: string; children: ComponentChildren }) => (
  <section class="card">
    {title && <h2>{title}</h2>}
    {children}
  </section>
);

export const Empty = ({ children, to, link }: { children: string; to?: string; link?: string }) => (
  <p class="empty">
    {children} {to !== undefined && <Link to={to}>{link}</Link>}
  </p>
);

const DAY = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "long", year: "numeric" });
const TIME = new Intl.DateTimeFormat("en-GB", { dateStyle: "medium", timeStyle: "short" });
export const day = (time: string) => DAY.format(new Date(time));
export const moment = (time: string) => TIME.format(new Date(time));

export function money(amount: number, currency: string): string {
  const form = new Intl.NumberFormat("en-GB", { style: "currency", currency });
  return form.format(amount / 10 ** (form.resolvedOptions().maximumFractionDigits ?? 2));
}

import { ProblemError } from "./problems.js";
import type { Store, Token } from "./types.js";

const EARLY_MS = 10_000; // refresh this long before the access token expires

interface Held {
  access: string;
  expires: number;
  /** The id of the sign-in that the token comes from. A refresh keeps this id. */
  entry: string;
}

export interface SessionOptions {
  /** With `cookie`, scripts cannot read the refresh token. `bearer` is for programs. */
  mode: "cookie" | "bearer";
  store: Store;
  /** A key that separates this session from the sessions of other APIs. */
  name: string;
  refresh: (body: object) => Promise<Response>;
}

/**
 * The tokens of one session, shared by all tabs of a browser.
 *
 * The access token is only in memory. The tabs tell each other about a new one over a
 * BroadcastChannel, and a lock lets only one of them refresh at a time.
 */
export class Session {
  private held: Held | undefined;
  private renewing: Promise<string | undefined> | undefined;
  private epoch = 0;
  /** Whether staff act as a user. Such a session is in this tab alone, and cannot be refreshed. */
  acting = false;
  private readonly channel: BroadcastChannel | undefined;
  private readonly listeners = new Set<(signedIn: boolean) => void>();

  constructor(private readonly options: SessionOptions) {
    if (typeof document === "undefined") return; // a program has no other tabs
    this.channel = new BroadcastChannel(options.name);
    this.channel.onmessage = ({ data }: MessageEvent<Held | null>) => {
      if (!this.acting) this.hold(data ?? undefined);
    };
  }

  /** Whether there was a session when we last looked. */
  get signedIn(): boolean {
    return this.held !== undefined || (!this.acting && this.kept !== null);
  }

  private get kept(): string | null {
    return this.options.store.getItem(this.options.name);
  }

  /** Call the listener after each sign-in and sign-out, also in another tab. */
  onChange(listener: (signedIn: boolean) => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  /** Return a valid access token, or `undefined` if nobody is signed in. */
  async token(): Promise<string | undefined> {
    if (this.held && this.held.expires - EARLY_MS > Date.now()) return this.held.access;
    return this.signedIn ? this.renew(this.held?.access) : undefined;
  }

  /** Return an access token that differs from the used one. Parallel calls share one refresh. */
  renew(used: string | undefined): Promise<string | undefined> {
    if (this.acting) return Promise.resolve(void this.clear());
    this.renewing ??= this.alone(() => this.exchange(used)).finally(() => {
      this.renewing = undefined;
    });
    return this.renewing;
  }

  adopt({ access_token, expires_in, refresh_token }: Token, entry = crypto.randomUUID() as string): string {
    const held = { access: access_token, expires: Date.now() + expires_in * 1000, entry };
    this.options.store.setItem(this.options.name, refresh_token ?? "cookie");
    this.hold(held);
    this.channel?.postMessage(held);
    return access_token;
  }

  /** Act as a user, without a change to the session of this browser. */
  act({ access_token, expires_in }: Token): void {
    this.acting = true;
    this.hold({ access: access_token, expires: Date.now() + expires_in * 1000, entry: crypto.randomUUID() });
  }

  clear(): void {
    if (this.acting) {
      this.acting = false;
      return this.hold(undefined);
    }
    const told = this.signedIn;
    this.options.store.removeItem(this.options.name);
    this.hold(undefined);
    if (told) this.channel?.postMessage(null);
  }

  private hold(held: Held | undefined): void {
    const changed = held?.entry !== this.held?.entry;
    this.held = held;
    this.epoch += 1;
    if (changed) for (const listener of this.listeners) listener(held !== undefined);
  }

  private async exchange(used: string | undefined): Promise<string | undefined> {
    if (this.held && this.held.access !== used) return this.held.access; // another tab has refreshed it
    const { epoch, kept } = this;
    if (kept === null) return void this.clear();
    const body = this.options.mode === "cookie" ? {} : { refresh_token: kept };
    const response = await this.options.refresh(body);
    if (this.epoch !== epoch) return this.held?.access; // the user signed out or in meanwhile
    if (response.ok) return this.adopt((await response.json()) as Token, this.held?.entry);
    if (response.status === 401 || response.status === 403) return void this.clear();
    throw new ProblemError(await response.json().catch(() => null), response);
  }

  private async alone<T>(work: () => Promise<T>): Promise<T> {
    if (!this.channel || !navigator.locks) return work();
    return navigator.locks.request(this.options.name, async () => {
      await new Promise((done) => setTimeout(done)); // for the message of the tab that held the lock
      return work();
    });
  }
}

/** A store that forgets everything when the program ends. */
export function memory(): Store {
  const items = new Map<string, string>();
  return {
    getItem: (key) => items.get(key) ?? null,
    setItem: (key, value) => void items.set(key, value),
    removeItem: (key) => void items.delete(key),
  };
}

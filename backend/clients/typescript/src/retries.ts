import { Unreachable } from "./problems.js";

const ATTEMPTS = 4;
const FIRST_WAIT_MS = 300;

export interface Patience {
  /** The longest `Retry-After` to wait for, in seconds. A longer one is left to the caller. */
  maxWait: number;
  /** The time that one attempt may take, in seconds. */
  timeout: number;
  /** Whether the request may be repeated whatever its method is. */
  repeatable?: boolean;
}

/**
 * Send the request, and send it again while that is safe and may help.
 *
 * A `POST` without a key, or a `PUT` with `If-Match`, is never repeated after a lost answer:
 * the first attempt may have had its effect, and the second one would then fail or double it.
 */
export async function persist(
  request: Request,
  fetch: typeof globalThis.fetch,
  { maxWait, timeout, repeatable = mayRepeat(request) }: Patience,
): Promise<Response> {
  for (let attempt = 1; ; attempt += 1) {
    let response: Response | undefined;
    let cause: unknown;
    const signal = AbortSignal.any([request.signal, AbortSignal.timeout(timeout * 1000)]);
    try {
      response = await fetch(new Request(request.clone(), { signal }));
    } catch (error) {
      request.signal.throwIfAborted();
      cause = error;
    }
    const wait = attempt < ATTEMPTS ? await pause(response, attempt, repeatable) : undefined;
    if (wait === undefined || wait > maxWait * 1000) {
      if (response) return response;
      throw new Unreachable(cause);
    }
    await response?.body?.cancel();
    await sleep(wait, request.signal);
  }
}

function mayRepeat({ method, headers }: Request): boolean {
  if (method === "POST") return headers.has("Idempotency-Key");
  return ["GET", "HEAD"].includes(method) || (method === "PUT" && !headers.has("If-Match"));
}

/** Return the milliseconds until the next attempt, or `undefined` if there should be none. */
async function pause(
  response: Response | undefined,
  attempt: number,
  repeatable: boolean,
): Promise<number | undefined> {
  const backoff = FIRST_WAIT_MS * 2 ** attempt * (0.5 + Math.random() / 2);
  const asked = retryAfter(response) ?? backoff;
  if (!response) return repeatable ? backoff : undefined;
  if (response.status === 429) return asked; // the request had no effect, whatever its method is
  if ([502, 503, 504].includes(response.status)) return repeatable ? asked : undefined;
  if (response.status !== 409 || !repeatable) return undefined;
  const problem = (await response.clone().json().catch(() => null)) as { code?: string } | null;
  return problem?.code === "idempotency_in_progress" ? asked : undefined;
}

function retryAfter(response: Response | undefined): number | undefined {
  const value = response?.headers.get("Retry-After");
  if (!value) return undefined;
  const seconds = Number(value);
  const wait = Number.isNaN(seconds) ? Date.parse(value) - Date.now() : seconds * 1000;
  return Number.isNaN(wait) ? undefined : Math.max(wait, 0);
}

function sleep(milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((done, fail) => {
    const stop = () => {
      clearTimeout(timer);
      fail(signal.reason as Error);
    };
    const timer = setTimeout(() => {
      signal.removeEventListener("abort", stop);
      done();
    }, milliseconds);
    signal.addEventListener("abort", stop, { once: true });
  });
}

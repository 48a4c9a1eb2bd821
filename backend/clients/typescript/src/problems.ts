import type { components } from "./schema.js";

export type Problem = components["schemas"]["Problem"] &
  Partial<components["schemas"]["ValidationProblem"]>;

/** An error response of the API. Programs decide by `code`. `message` is for people. */
export class ProblemError<P = unknown> extends Error {
  override readonly name = "ProblemError";
  readonly status: number;
  readonly code: string;
  readonly requestId: string | null;
  /** The whole problem. Its type lists the codes of the route that was called. */
  readonly problem: P;

  constructor(problem: P, response: Response) {
    const known: Partial<Problem> = typeof problem === "object" && problem ? problem : {};
    super(known.errors?.[0]?.msg ?? known.detail ?? `The server answered ${response.status}.`);
    this.status = response.status;
    this.code = known.code ?? "unknown";
    this.requestId = known.request_id ?? response.headers.get("X-Request-ID");
    this.problem = problem;
  }

  /** The message for one field of the request's body, such as `title`. */
  of(field: string): string | undefined {
    const errors = (this.problem as Partial<Problem>).errors;
    return errors?.find((error) => error.loc.at(-1) === field)?.msg;
  }
}

/** The API could not be reached, even by those retries that were safe. */
export class Unreachable extends Error {
  override readonly name = "Unreachable";

  constructor(cause: unknown) {
    super("The API cannot be reached. Check the connection and try again.", { cause });
  }
}

interface Answer {
  data?: unknown;
  error?: unknown;
  response: Response;
}

/** Return the data of a response, or throw its problem. */
export async function unwrap<A extends Answer>(
  answer: Promise<A>,
): Promise<Exclude<A["data"], undefined>> {
  const { data, error, response } = await answer;
  if (!response.ok) throw new ProblemError(error as NonNullable<A["error"]>, response);
  return data as Exclude<A["data"], undefined>;
}

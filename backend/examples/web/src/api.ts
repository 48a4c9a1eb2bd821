import { createLiftoff } from "liftoff-client";
import type { components } from "liftoff-client";

export { ProblemError, unwrap } from "liftoff-client";

type Schemas = components["schemas"];
export type Me = Schemas["Me"];
export type Plan = Schemas["PlanRead"];
export type Subscription = Schemas["SubscriptionRead"];
export type Preview = Schemas["Preview"];
export type Post = Schemas["PostRead"];
export type PostSummary = Schemas["PostSummary"];

/** The path of this application, which ends with a slash. */
export const home = new URL(document.baseURI).pathname;
/** The path of the API, below which this application is at `/demo`. */
export const apiPath = home.replace(/\/demo\/$/, "");

export const api = createLiftoff({ baseUrl: location.origin + apiPath });

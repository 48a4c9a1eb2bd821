import type { components, paths } from "./schema.js";

export type Token = components["schemas"]["Token"];
/** Where the session is remembered, such as `localStorage`. */
export type Store = Pick<Storage, "getItem" | "setItem" | "removeItem">;

type Get<P extends keyof paths> = paths[P] extends { get: infer G } ? G : never;
type Body<P extends keyof paths> =
  Get<P> extends { responses: { 200: { content: { "application/json": infer B } } } } ? B : never;

/** The routes that answer with a page of items. */
export type ListPath = {
  [P in keyof paths]: [Body<P>] extends [never] ? never : Body<P> extends { items: unknown[] } ? P : never;
}[keyof paths];

export type Item<P extends ListPath> = Body<P> extends { items: (infer I)[] } ? I : never;

export type ListParams<P extends ListPath> =
  Get<P> extends { parameters: infer Q } ? Omit<Q, "header"> : never;

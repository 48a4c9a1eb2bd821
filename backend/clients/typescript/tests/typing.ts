// What the compiler must accept and refuse. `tsc` checks it, and nothing runs it.
import { createLiftoff, ProblemError, unwrap } from "../src/index.js";

export async function typed(): Promise<void> {
  const api = createLiftoff();

  const { data, error } = await api.PUT("/blog/posts/{post_id}", {
    params: { path: { post_id: 1 } },
    body: { title: "A title" },
  });
  if (data) data.title satisfies string;
  if (error?.status === 409) error.code satisfies "slug_taken";
  if (error?.code === "validation_error") error.errors[0]?.loc satisfies (string | number)[] | undefined;
  if (error?.code === "stale") error.status satisfies 412;
  // @ts-expect-error: no such code
  if (error?.code === "slug_took") return;

  // @ts-expect-error: no such path
  await api.GET("/blog/post");
  // @ts-expect-error: a number
  await api.GET("/blog/posts/{post_id}", { params: { path: { post_id: "one" } } });
  // @ts-expect-error: the content is missing
  await api.POST("/blog/posts", { body: { title: "A title" } });

  const me = await unwrap(api.GET("/auth/me"));
  me.username satisfies string;

  for await (const post of api.items("/blog/posts", { query: { category: "news" } })) {
    post.excerpt satisfies string;
    // @ts-expect-error: lists leave out the content
    post.content satisfies string;
  }
  // @ts-expect-error: not a list
  api.items("/auth/me");
  api.items("/blog/posts/{post_id}/revisions", { path: { post_id: 1 } });

  try {
    await unwrap(api.POST("/auth/refresh"));
  } catch (failure) {
    if (failure instanceof ProblemError) failure.code satisfies string;
  }
}

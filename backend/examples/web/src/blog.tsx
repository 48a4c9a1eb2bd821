import { useState } from "preact/hooks";

import { api, type Me, type Post, type PostSummary, ProblemError, unwrap } from "./api";
import { go, Link, usePlace } from "./router";
import { Card, day, Empty, Field, Form, moment, Notice, Page, useAction, useLoad, Wait } from "./ui";

const PAGE = 10;

export function Blog() {
  const { query } = usePlace();
  const [q, category, mine] = ["q", "category", "mine"].map((name) => query.get(name) ?? "");
  const [wanted, setWanted] = useState(PAGE);
  const loaded = useLoad(async () => {
    const me = mine && api.signedIn ? await unwrap(api.GET("/auth/me")) : null;
    const filters = {
      ...(q && { q }),
      ...(category && { category }),
      ...(me && { author: me.username, published_only: false, sort: "-created_at" as const }),
    };
    const found: PostSummary[] = [];
    for await (const post of api.items("/blog/posts", { query: filters })) {
      if (found.push(post) > wanted) break;
    }
    return found;
  }, [q, category, mine, wanted]);
  const categories = useLoad(() => unwrap(api.GET("/blog/categories")));
  return (
    <Page title={mine ? "Your posts" : "Blog"}>
      <search>
        <form
          class="row"
          onSubmit={(event) => {
            event.preventDefault();
            const asked = new FormData(event.currentTarget) as unknown as Iterable<[string, string]>;
            setWanted(PAGE);
            go(`blog?${new URLSearchParams([...asked])}`, true);
          }}
        >
          <div class="field grow">
            <label for="q">Search</label>
            <input id="q" name="q" type="search" defaultValue={q} maxLength={200} />
          </div>
          <div class="field">
            <label for="category">Category</label>
            <select id="category" name="category" value={category}>
              <option value="">All</option>
              {categories.data?.map((each) => (
                <option key={each.slug} value={each.slug}>
                  {each.name}
                </option>
              ))}
            </select>
          </div>
          <button>Search</button>
        </form>
      </search>
      {api.signedIn && (
        <p class="actions">
          <Link class="button" to="write">
            Write a post
          </Link>
          {mine ? <Link to="blog">All posts</Link> : <Link to="blog?mine=yes">Your posts</Link>}
        </p>
      )}
      <Wait for={loaded} />
      {loaded.data?.length === 0 && <Empty>No posts were found.</Empty>}
      <ul class="posts">
        {loaded.data?.slice(0, wanted).map((post) => (
          <Summary key={post.id} post={post} />
        ))}
      </ul>
      {(loaded.data?.length ?? 0) > wanted && (
        <p class="actions">
          <button class="plain" onClick={() => setWanted(wanted + PAGE)}>
            Show more posts
          </button>
        </p>
      )}
    </Page>
  );
}

function status(post: PostSummary): string {
  if (!post.is_published) return "Draft";
  const at = post.published_at ?? post.created_at;
  return new Date(at) > new Date() ? `Appears on ${moment(at)}` : day(at);
}

const Byline = ({ post }: { post: PostSummary }) => (
  <p class="quiet">
    {status(post)} · {post.author.username} · {post.reading_minutes} min
    {post.category && <> · {post.category.name}</>}
  </p>
);

function Summary({ post }: { post: PostSummary }) {
  return (
    <li>
      <h2>
        <Link to={`blog/${post.slug}`}>{post.title}</Link>
      </h2>
      <p>{post.excerpt}</p>
      <Byline post={post} />
    </li>
  );
}

/** The HTML of a post, which the server has rendered and sanitised. */
const Content = ({ html }: { html: string }) => (
  <div class="content" dangerouslySetInnerHTML={{ __html: html }} />
);

export function Article({ slug }: { slug: string }) {
  const loaded = useLoad(async () => {
    const post = await unwrap(api.GET("/blog/posts/slug/{slug}", { params: { path: { slug } } }));
    const me = api.signedIn ? await unwrap(api.GET("/auth/me")) : null;
    return { post, me };
  }, [slug]);
  if (!loaded.data) {
    return (
      <Page title="Blog">
        <Wait for={loaded} />
      </Page>
    );
  }
  const { post, me } = loaded.data;
  return (
    <Page title={post.title}>
      <Byline post={post} />
      <article>
        <Content html={post.content_html} />
      </article>
      {mayEdit(post, me) && (
        <p class="actions">
          <Link class="button" to={`write/${post.id}`}>
            Edit this post
          </Link>
        </p>
      )}
      <p>
        <Link to="blog">All posts</Link>
      </p>
    </Page>
  );
}

const mayEdit = (post: Post, me: Me | null) => me !== null && (me.is_superuser || me.id === post.author.id);

export function Write({ id }: { id?: number }) {
  const loaded = useLoad(
    async () => (id ? unwrap(api.GET("/blog/posts/{post_id}", { params: { path: { post_id: id } } })) : null),
    [id],
  );
  const [version, setVersion] = useState(0);
  const start = async () => {
    await loaded.reload();
    setVersion(version + 1); // the fields take the new values
  };
  const title = id ? "Edit a post" : "Write a post";
  if (loaded.data === undefined) {
    return (
      <Page title={title}>
        <Wait for={loaded} />
      </Page>
    );
  }
  return (
    <Page title={title} lead="Posts are written in Markdown.">
      <Editor key={version} post={loaded.data} saved={loaded.reload} restart={start} />
      {loaded.data && <Revisions post={loaded.data} restored={start} />}
    </Page>
  );
}

interface EditorProps {
  post: Post | null;
  saved: () => Promise<void>;
  restart: () => Promise<void>;
}

/** `datetime-local` has no time zone. The zone of the person who writes applies. */
const local = (time: string) => {
  const at = new Date(time);
  return new Date(at.getTime() - at.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
};

function Editor({ post, saved, restart }: EditorProps) {
  const [state, setState] = useState(post?.is_published ? (post.published_at ? "at" : "now") : "draft");
  const [stale, setStale] = useState(false);
  const categories = useLoad(() => unwrap(api.GET("/blog/categories")));

  async function save(values: Record<string, string>): Promise<void> {
    const { title = "", content = "", category_id, published_at } = values;
    const body = {
      title,
      content,
      category_id: category_id ? Number(category_id) : null,
      is_published: state !== "draft",
      ...(state === "at" && published_at && { published_at: new Date(published_at).toISOString() }),
      ...(state === "now" && post && !post.is_published && { published_at: null }),
    };
    try {
      const params = { path: { post_id: post?.id ?? 0 } };
      const written = post
        ? await unwrap(api.PUT("/blog/posts/{post_id}", { params, body }))
        : await unwrap(api.POST("/blog/posts", { body }));
      if (!post) go(`write/${written.id}`, true);
      else if (state === "draft") await saved();
      else go(`blog/${written.slug}`);
    } catch (error) {
      setStale(error instanceof ProblemError && error.code === "stale");
      throw error;
    }
  }

  return (
    <Card>
      <Form
        button={state === "draft" ? "Save and preview" : "Publish"}
        action={save}
        more={post && <Remove post={post} />}
      >
        <Field name="title" label="Title" defaultValue={post?.title ?? ""} maxLength={200} />
        <div class="field">
          <label for="content">Text</label>
          <textarea id="content" name="content" rows={12} required defaultValue={post?.content ?? ""} />
        </div>
        <div class="row">
          <div class="field">
            <label for="category_id">Category</label>
            <select id="category_id" name="category_id" defaultValue={post?.category?.id ?? ""} key={categories.data?.length}>
              <option value="">None</option>
              {categories.data?.map((each) => (
                <option key={each.id} value={each.id} selected={each.id === post?.category?.id}>
                  {each.name}
                </option>
              ))}
            </select>
          </div>
          <div class="field">
            <label for="state">Publish</label>
            <select id="state" value={state} onChange={(event) => setState(event.currentTarget.value)}>
              <option value="draft">Not yet</option>
              <option value="now">Now</option>
              <option value="at">At a time</option>
            </select>
          </div>
          {state === "at" && (
            <div class="field">
              <label for="published_at">Time</label>
              <input
                id="published_at"
                name="published_at"
                type="datetime-local"
                required
                defaultValue={post?.published_at ? local(post.published_at) : ""}
              />
            </div>
          )}
        </div>
        {stale && (
          <p>
            <button type="button" class="plain" onClick={() => void restart()}>
              Load the newest version
            </button>
          </p>
        )}
      </Form>
      {post && !post.is_published && (
        <section aria-label="Preview" class="preview">
          <h2>{post.title}</h2>
          <Content html={post.content_html} />
        </section>
      )}
    </Card>
  );
}

function Remove({ post }: { post: Post }) {
  const { act, busy, shown } = useAction();
  return (
    <>
      <button
        type="button"
        class="plain danger"
        aria-disabled={busy}
        onClick={() =>
          act(async () => {
            if (!confirm(`Delete “${post.title}”?`)) return;
            await unwrap(api.DELETE("/blog/posts/{post_id}", { params: { path: { post_id: post.id } } }));
            go("blog?mine=yes");
          })
        }
      >
        Delete
      </button>
      {shown}
    </>
  );
}

function Revisions({ post, restored }: { post: Post; restored: () => Promise<void> }) {
  const params = { path: { post_id: post.id } };
  const loaded = useLoad(
    () => unwrap(api.GET("/blog/posts/{post_id}/revisions", { params })),
    [post.updated_at],
  );
  const [opened, setOpened] = useState<number>();
  const { act, busy, shown } = useAction();
  const restore = (revision_id: number) =>
    act(async () => {
      const path = { post_id: post.id, revision_id };
      await unwrap(api.POST("/blog/posts/{post_id}/revisions/{revision_id}/restore", { params: { path } }));
      await restored();
    });
  return (
    <Card title="Revisions">
      <Wait for={loaded} />
      {shown}
      <ul class="list">
        {loaded.data?.items.map((each, index) => (
          <li key={each.id}>
            <div class="grow">
              {each.title}
              <p class="quiet">
                {moment(each.created_at)} {each.editor && `by ${each.editor.username}`}
              </p>
              {opened === each.id && <Difference post_id={post.id} revision_id={each.id} />}
            </div>
            <span class="actions">
              <button
                class="plain"
                aria-expanded={opened === each.id}
                onClick={() => setOpened(opened === each.id ? undefined : each.id)}
              >
                Changes
              </button>
              {index > 0 && (
                <button class="plain" aria-disabled={busy} onClick={() => restore(each.id)}>
                  Restore
                </button>
              )}
            </span>
          </li>
        ))}
      </ul>
    </Card>
  );
}

function Difference({ post_id, revision_id }: { post_id: number; revision_id: number }) {
  const loaded = useLoad(() =>
    unwrap(
      api.GET("/blog/posts/{post_id}/revisions/{revision_id}/diff", {
        params: { path: { post_id, revision_id } },
      }),
    ),
  );
  const { data } = loaded;
  if (!data) return <Wait for={loaded} />;
  if (data.against_id === null) return <Notice>This is the first version.</Notice>;
  return (
    <pre class="diff">
      {data.title && (
        <>
          <del>{data.title.before}</del>
          <ins>{data.title.after}</ins>
        </>
      )}
      {data.content.map((part) => (
        <>
          {part.before.map((line) => (
            <del>{line || " "}</del>
          ))}
          {part.after.map((line) => (
            <ins>{line || " "}</ins>
          ))}
        </>
      ))}
    </pre>
  );
}

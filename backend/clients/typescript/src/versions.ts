const KEPT = 100;

interface Version {
  tag: string;
  body?: string;
  headers?: Headers;
}

/**
 * The last response to each URL, for `If-None-Match` on a `GET` and `If-Match` on a `PUT`.
 *
 * The responses are kept in memory only, and forgotten when someone else signs in.
 */
export class Versions {
  private known = new Map<string, Version>();

  /** Add the version that we know to the request, unless the caller named one. */
  prepare(request: Request): void {
    const version = this.known.get(request.url);
    if (request.method === "GET" && version?.body !== undefined) {
      if (!request.headers.has("If-None-Match")) request.headers.set("If-None-Match", version.tag);
    } else if (request.method === "PUT" && version && !request.headers.has("If-Match")) {
      request.headers.set("If-Match", version.tag);
    }
  }

  /** Note the version of the response, and return the kept one if nothing has changed. */
  async note(request: Request, response: Response): Promise<Response> {
    const { method, url } = request;
    const version = this.known.get(url);
    if (method === "GET" && response.status === 304 && version?.body !== undefined) {
      await response.text(); // the body is empty, but a browser counts an unread response as failed
      return new Response(version.body, { headers: version.headers ?? {} });
    }
    if (method !== "GET" && (response.ok || response.status === 412)) this.known.delete(url);
    const tag = response.headers.get("ETag");
    if (response.ok && tag && (method === "GET" || method === "PUT")) {
      this.known.delete(url); // so that this entry becomes the newest
      this.known.set(url, {
        tag,
        ...(method === "GET" && { body: await response.clone().text(), headers: response.headers }),
      });
      const oldest = this.known.keys().next().value;
      if (this.known.size > KEPT && oldest !== undefined) this.known.delete(oldest);
    }
    return response;
  }

  clear(): void {
    this.known.clear();
  }
}

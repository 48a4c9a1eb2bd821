interface Page<I> {
  items: I[];
  next_cursor: string | null;
}

/** Yield every item. The next page is requested only when its first item is wanted. */
export async function* pages<I>(
  load: (query: Record<string, unknown>) => Promise<Page<I>>,
): AsyncGenerator<I, void, void> {
  for (let query = {}; ; ) {
    const page = await load(query);
    yield* page.items;
    if (page.next_cursor === null) return;
    query = { cursor: page.next_cursor };
  }
}

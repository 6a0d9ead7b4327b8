/**
 * What several sources tell, as it comes. The main one's end or any one's failure ends the whole; the others may end by
 * themselves.
 * @throws whatever one of them fails with
 */
export async function* merged<T>(
  main: (signal: AbortSignal) => AsyncIterable<T>,
  others: readonly ((signal: AbortSignal) => AsyncIterable<T>)[],
  signal: AbortSignal,
): AsyncGenerator<T, void> {
  const over = new AbortController();
  const life = AbortSignal.any([signal, over.signal]);
  const waiting: T[] = [];
  let ending: { readonly failure?: unknown } | undefined;
  let news = Promise.withResolvers<void>();

  // Into one list rather than by a race of two promises, one of which may wait for months and would keep every race.
  const read = async (source: AsyncIterable<T>) => {
    for await (const item of source) {
      waiting.push(item);
      news.resolve();
    }
  };
  const end = (how: { readonly failure?: unknown }) => {
    ending ??= how;
    news.resolve();
  };
  const fail = (failure: unknown) => end({ failure });
  read(main(life)).then(() => end({}), fail);
  for (const other of others) read(other(life)).catch(fail);

  try {
    for (;;) {
      for (let item = waiting.shift(); item !== undefined; item = waiting.shift()) yield item;
      if (ending !== undefined) {
        if ("failure" in ending) throw ending.failure;
        return;
      }
      await news.promise;
      news = Promise.withResolvers();
    }
  } finally {
    over.abort();
  }
}

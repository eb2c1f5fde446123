export type Inspected<T> = T & { inspect: { query: unknown; tookMS: number } }

/** A list as the original answers it: with what was asked, and how long that took. */
export async function inspected<T extends object>(
  query: unknown,
  list: () => Promise<T>,
): Promise<Inspected<T>> {
  const startedMs = performance.now()
  const answer = await list()
  return { ...answer, inspect: { query, tookMS: Math.round(performance.now() - startedMs) } }
}

export type Inspected<T> = T & { inspect: { query: Record<string, unknown>; tookMS: number } }

/** What a list can be asked for. Whatever else an address carries may be a secret, and is not said back. */
const ASKED = new Set([
  'q',
  'pref',
  'prefs',
  'skip',
  'limit',
  'sort',
  'sortOrder',
  'sortUnreadFirst',
  'updatedAfter',
  'beforeMessage',
  'afterMessage',
  'afterTime',
  'timeRangeField',
  'tags',
  'rangeStart',
  'rangeEnd',
])

/** A list as the original answers it: with what was asked, and how long that took. */
export async function inspected<T extends object>(
  asked: Readonly<Record<string, unknown>>,
  list: () => Promise<T>,
): Promise<Inspected<T>> {
  const startedMs = performance.now()
  const answer = await list()
  const query = Object.fromEntries(Object.entries(asked).filter(([name]) => ASKED.has(name)))
  return { ...answer, inspect: { query, tookMS: Math.round(performance.now() - startedMs) } }
}

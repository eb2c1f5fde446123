/**
 * For what has no event that a test could await, such as another process having followed a change: asks again
 * until the answer is yes, and fails after the limit.
 */
export async function eventually(
  what: string,
  isSo: () => boolean | Promise<boolean>,
  limitMs = 10_000,
): Promise<void> {
  const deadline = Date.now() + limitMs
  while (!(await isSo())) {
    if (Date.now() > deadline) throw new Error(`${what}: not so after ${limitMs} ms`)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

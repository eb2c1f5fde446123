/** Whether a browser's origin is in a list of exact values, or the list is `*`. `null` is never in a list. */
export function originAllowed(origin: string, allowed: readonly string[]): boolean {
  return allowed[0] === '*' || (origin !== 'null' && allowed.includes(origin))
}

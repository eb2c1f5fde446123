/** A field's name as it was spelt, in lower case, and what its reader makes of it. */
export type FieldName<Role extends string> = {
  readonly raw: string
  readonly lower: string
  readonly role: Role
}

export type FieldNames<Role extends string> = {
  /** Undefined where the name is not a token (RFC 9110 §5.6.2). */
  get(raw: string): FieldName<Role> | undefined
}

const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/
const MAX_REMEMBERED = 512
const MAX_REMEMBERED_LENGTH = 64

/**
 * The same few names come with every message: each spelling is checked, folded and judged once. The store is
 * bounded, since the other side chooses the spellings.
 */
export function createFieldNames<Role extends string>(roleOf: (lower: string) => Role): FieldNames<Role> {
  const known = new Map<string, FieldName<Role>>()
  return {
    get(raw) {
      const hit = known.get(raw)
      if (hit !== undefined) return hit
      if (!TOKEN.test(raw)) return undefined
      // A slice keeps the whole text alive that it was cut from, so what is remembered is a copy.
      const copy = Buffer.from(raw, 'latin1').toString('latin1')
      const lower = copy.toLowerCase()
      const name = { raw: copy, lower, role: roleOf(lower) }
      if (raw.length <= MAX_REMEMBERED_LENGTH) {
        if (known.size >= MAX_REMEMBERED) known.clear()
        known.set(copy, name)
      }
      return name
    },
  }
}

/** A column's NULL in the words of the chat. */
export const given = <T>(column: T | null): T | undefined => column ?? undefined

/** Text for a `json` or `jsonb` parameter; undefined is SQL's NULL. */
export const jsonText = (value: unknown): string | null =>
  value === undefined ? null : JSON.stringify(value)

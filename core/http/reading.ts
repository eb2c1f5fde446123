/** What comes in, checked: bodies strictly, queries and forms (all texts) after conversion to what is asked for. */
import type { TSchema } from 'typebox'
import { Compile } from 'typebox/compile'
import { Value } from 'typebox/value'
import { CoreError } from '../errors.ts'

export type Reader = (value: unknown, isText: boolean) => unknown

/** @returns a reader that throws CoreError MISSING_PARAMETER, or `refusal`, naming the field */
export function createReader(schema: TSchema, refusal: 'INVALID_REQUEST' | 'INVALID_QUERY'): Reader {
  const check = Compile(schema)
  return (value, isText) => {
    const converted = isText ? convert(schema, value) : value
    if (check.Check(converted)) return converted
    const [error] = check.Errors(converted)
    if (error?.keyword === 'required')
      throw new CoreError('MISSING_PARAMETER', `${error.params.requiredProperties.join(', ')} is needed.`)
    const field = error?.instancePath.slice(1) || 'It'
    throw new CoreError(refusal, `${field} ${error?.message ?? 'is not valid'}.`)
  }
}

/** A number that its text does not say (`true`, `1.5` for a whole one) is none. */
function convert(schema: TSchema, texts: unknown): unknown {
  // It may write into what it is given.
  const given = new Map(Object.entries(texts ?? {}))
  const converted = Value.Convert(schema, texts)
  if (typeof converted !== 'object' || converted === null) return converted
  const said = Object.entries(converted).map(([name, value]) => {
    const text = given.get(name)
    return [name, typeof value === 'number' && Number(text) !== value ? text : value] as const
  })
  return Object.fromEntries(said)
}

/** Queries and forms: `+` is a space, a name given twice or with `[]` is a list. */
export function parseForm(text: string): Record<string, string | string[]> {
  const form: Record<string, string | string[]> = Object.create(null)
  for (const [given, value] of new URLSearchParams(text)) {
    const isList = given.endsWith('[]')
    const name = isList ? given.slice(0, -2) : given
    const before = form[name]
    if (before === undefined) form[name] = isList ? [value] : value
    else form[name] = Array.isArray(before) ? [...before, value] : [before, value]
  }
  return form
}

/** JSON inside a query parameter; absent = nothing asked. @throws CoreError INVALID_QUERY */
export function parseFilter(name: string, text: string | undefined): Record<string, unknown> {
  if (text === undefined || text === '') return {}
  let filter: unknown
  try {
    filter = JSON.parse(text)
  } catch (cause) {
    throw new CoreError('INVALID_QUERY', `"${name}" is not JSON.`, { cause })
  }
  if (typeof filter === 'object' && filter !== null && !Array.isArray(filter))
    return filter as Record<string, unknown>
  throw new CoreError('INVALID_QUERY', `"${name}" is not an object.`)
}

/** ISO 8601, or milliseconds since the epoch. @throws CoreError INVALID_QUERY */
export function parseTime(name: string, text: string | undefined): Date | undefined {
  if (text === undefined || text === '') return undefined
  const date = new Date(/^-?\d+(\.\d+)?$/.test(text) ? Number(text) : text)
  if (Number.isNaN(date.getTime())) throw new CoreError('INVALID_QUERY', `"${name}" is not a time.`)
  return date
}

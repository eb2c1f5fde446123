/**
 * Queries that clients write (`q`, `pref`: JSON, Mongo's syntax) as SQL conditions. Only the fields that the caller
 * lists and the operators below exist; values travel as parameters; size, depth and patterns are bounded.
 */
import { CoreError } from '../errors.ts'

export type FilterField =
  | { kind: 'scalar'; type: 'text' | 'boolean' | 'integer' | 'timestamptz' | 'jsonb'; sql: string }
  /** Several texts: a condition on it holds where one of them satisfies it, as in Mongo. */
  | { kind: 'set'; hasAny: (texts: string) => string }

export type FieldLookup = (name: string, parameters: Parameters) => FilterField | undefined

export type Parameters = { values: unknown[]; add: (value: unknown) => string }

export function createParameters(values: unknown[]): Parameters {
  return { values, add: (value) => `$${values.push(value)}` }
}

const MAX_CONDITIONS = 32
const MAX_DEPTH = 4
/** Of all its lists together. */
const MAX_LISTED = 1_000
/** Of looking through sets, which is work for every row, and of what each is looked through for. */
const MAX_LOOKS = 8
const MAX_LOOKED_FOR = 100
const MAX_PATTERN = 128
const MAX_WILDCARDS = 4
const COMPARISONS = new Map([
  ['$gt', '>'],
  ['$gte', '>='],
  ['$lt', '<'],
  ['$lte', '<='],
])

/** Mongo's names and numbers of types, as `jsonb_typeof` calls them. */
const TYPES = new Map<unknown, string>([
  ...['string', 2].map((name) => [name, 'string'] as const),
  ...['object', 3].map((name) => [name, 'object'] as const),
  ...['array', 4].map((name) => [name, 'array'] as const),
  ...['bool', 8].map((name) => [name, 'boolean'] as const),
  ...['date', 9].map((name) => [name, 'date'] as const),
  ...['null', 10].map((name) => [name, 'null'] as const),
  ...['number', 'double', 'int', 'long', 'decimal', 1, 16, 18, 19].map((name) => [name, 'number'] as const),
])
const COLUMN_TYPES = { text: 'string', boolean: 'boolean', integer: 'number', timestamptz: 'date' }

const invalid = (detail: string) => new CoreError('INVALID_QUERY', detail)

/** @returns conditions to be joined by AND. @throws CoreError INVALID_QUERY */
export function compileFilter(filter: unknown, field: FieldLookup, parameters: Parameters): string[] {
  let conditions = 0
  let listed = 0
  let looks = 0
  const listOf = (operand: unknown): unknown[] => {
    if (!Array.isArray(operand)) throw invalid('A list is needed.')
    listed += operand.length
    if (listed > MAX_LISTED) throw invalid(`Its lists have more than ${MAX_LISTED} entries.`)
    return operand
  }

  const object = (value: unknown, depth: number): string[] => {
    if (!isObject(value)) throw invalid('A filter is an object.')
    if (depth > MAX_DEPTH) throw invalid('It is nested too deeply.')
    return Object.entries(value).map(([name, condition]) => {
      conditions += 1
      if (conditions > MAX_CONDITIONS) throw invalid('It has too many conditions.')
      if (name === '$and' || name === '$or') {
        if (!Array.isArray(condition) || condition.length === 0) throw invalid(`${name} needs a list.`)
        const parts = condition.map((part) => all(object(part, depth + 1)))
        return `(${parts.join(name === '$or' ? ' OR ' : ' AND ')})`
      }
      const known = name.startsWith('$') ? undefined : field(name, parameters)
      if (known === undefined) throw invalid(`"${name.slice(0, 64)}" cannot be asked for.`)
      return known.kind === 'set' ? setCondition(known.hasAny, condition) : scalarCondition(known, condition)
    })
  }

  const setCondition = (hasAny: (texts: string) => string, condition: unknown): string => {
    const holds = (values: unknown[]) => {
      looks += 1
      if (looks > MAX_LOOKS || values.length > MAX_LOOKED_FOR) throw invalid('It asks for too many entries.')
      return hasAny(`${parameters.add(values.map(textOf))}::text[]`)
    }
    if (!isObject(condition)) return holds([condition])
    return all(
      Object.entries(condition).map(([operator, operand]) => {
        if (operator === '$eq') return holds([operand])
        if (operator === '$ne') return `NOT ${holds([operand])}`
        if (operator === '$in') return holds(listOf(operand))
        if (operator === '$nin') return `NOT ${holds(listOf(operand))}`
        if (operator === '$all') return all(listOf(operand).map((value) => holds([value])))
        throw invalid(`${operator.slice(0, 16)} cannot be used here.`)
      }),
    )
  }

  const scalarCondition = (scalar: Scalar, condition: unknown): string => {
    const value = (operand: unknown) => `${parameters.add(scalarOf(scalar, operand))}::${scalar.type}`
    const equal = (operand: unknown) =>
      scalar.type === 'jsonb'
        ? equalJson(scalar.sql, operand, value)
        : operand === null
          ? `${scalar.sql} IS NULL`
          : `${scalar.sql} = ${value(operand)}`
    const oneOf = (operand: unknown) => {
      const list = listOf(operand)
      if (scalar.type === 'jsonb') return some(list.map(equal))
      const known = list.filter((entry) => entry !== null).map((entry) => scalarOf(scalar, entry))
      return some([
        `${scalar.sql} = ANY(${parameters.add(known)}::${scalar.type}[])`,
        ...(list.includes(null) ? [`${scalar.sql} IS NULL`] : []),
      ])
    }
    if (!isObject(condition)) return equal(condition)
    return all(
      Object.entries(condition).map(([operator, operand]) => {
        const comparison = COMPARISONS.get(operator)
        if (comparison !== undefined)
          return all([...sameType(scalar, operand), `${scalar.sql} ${comparison} ${value(operand)}`])
        if (operator === '$eq') return equal(operand)
        if (operator === '$ne') return `(${equal(operand)}) IS NOT TRUE`
        if (operator === '$in') return oneOf(operand)
        if (operator === '$nin') return `${oneOf(operand)} IS NOT TRUE`
        if (operator === '$all' && scalar.type === 'jsonb') return all(listOf(operand).map(equal))
        if (operator === '$type') return some([operand].flat().map((type) => typeCondition(scalar, type)))
        if (operator === '$exists') return `${scalar.sql} IS ${operand ? 'NOT NULL' : 'NULL'}`
        if (operator === '$regex') return patternCondition(scalar, operand, condition.$options)
        if (operator === '$options') return 'true'
        throw invalid(`${operator.slice(0, 16)} cannot be used here.`)
      }),
    )
  }

  const patternCondition = (scalar: Scalar, pattern: unknown, options: unknown): string => {
    if (options !== undefined && options !== 'i' && options !== '') throw invalid('$options can be "i".')
    if (scalar.type !== 'text' && scalar.type !== 'jsonb') throw invalid('$regex needs a text.')
    const sql = scalar.type === 'jsonb' ? `(${scalar.sql} #>> '{}')` : scalar.sql
    return `${sql} ${options === 'i' ? 'ILIKE' : 'LIKE'} ${parameters.add(likePattern(pattern))}`
  }

  return object(filter, 1)
}

/** A column of type text[]. */
export const textSet = (sql: string): FilterField => ({
  kind: 'set',
  hasAny: (texts) => `(${sql} && ${texts})`,
})

type Scalar = Extract<FilterField, { kind: 'scalar' }>

const all = (parts: string[]): string => (parts.length === 0 ? 'true' : `(${parts.join(' AND ')})`)
const some = (parts: string[]): string => (parts.length === 0 ? 'false' : `(${parts.join(' OR ')})`)

/** A list fits where one of its entries does; null, where there is none. */
function equalJson(sql: string, operand: unknown, value: (operand: unknown) => string): string {
  if (operand === null) return `COALESCE(${sql}, 'null') = 'null'`
  return `${sql} ${typeof operand === 'object' ? '=' : '@>'} ${value(operand)}`
}

/** Values of different types are in no order, as far as clients can know. */
const sameType = ({ type, sql }: Scalar, operand: unknown): string[] =>
  type === 'jsonb' ? [`jsonb_typeof(${sql}) = '${TYPES.get(typeof operand) ?? 'boolean'}'`] : []

function typeCondition({ type, sql }: Scalar, operand: unknown): string {
  const name = TYPES.get(operand)
  if (name === undefined) throw invalid('$type needs the name or the number of a type.')
  if (type === 'jsonb') return `jsonb_typeof(${sql}) = '${name}'`
  return COLUMN_TYPES[type] === name ? `${sql} IS NOT NULL` : 'false'
}

function textOf(value: unknown): string {
  if (typeof value === 'string') return value
  throw invalid('A text is needed.')
}

const VALUES = { boolean: 'true or false', integer: 'A whole number', timestamptz: 'A date' }

function scalarOf({ type }: Scalar, value: unknown): unknown {
  if (type === 'jsonb') return JSON.stringify(value)
  if (type === 'text') return textOf(value)
  if (type === 'boolean' && typeof value === 'boolean') return value
  if (type === 'integer' && Number.isInteger(value) && Math.abs(Number(value)) < 2 ** 31) return value
  if (type === 'timestamptz' && (typeof value === 'string' || typeof value === 'number')) {
    const date = new Date(value)
    if (!Number.isNaN(date.getTime())) return date
  }
  throw invalid(`${VALUES[type]} is needed.`)
}

/** A regular expression of literals, `^`, `$`, `.` and `.*` as LIKE; any other could be made to run for ever. */
export function likePattern(pattern: unknown): string {
  const text = textOf(pattern)
  if (text.length > MAX_PATTERN) throw invalid('The pattern is too long.')
  const tokens = text.match(/\\[^a-zA-Z0-9]|\.\*|[\s\S]/gu) ?? []
  const fromStart = tokens[0] === '^'
  const toEnd = tokens.at(-1) === '$'
  const body = tokens.slice(fromStart ? 1 : 0, toEnd ? -1 : undefined).map(likeToken)
  if (body.filter((token) => token === '%').length > MAX_WILDCARDS)
    throw invalid('The pattern has too many wildcards.')
  return `${fromStart ? '' : '%'}${body.join('')}${toEnd ? '' : '%'}`
}

function likeToken(token: string): string {
  if (token === '.*') return '%'
  if (token === '.') return '_'
  if (/^[\\^$*+?()[\]{}|]$/u.test(token)) throw invalid('The pattern may hold literals, ^, $, . and .* only.')
  const literal = token.startsWith('\\') ? token.slice(1) : token
  return /[\\%_]/.test(literal) ? `\\${literal}` : literal
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

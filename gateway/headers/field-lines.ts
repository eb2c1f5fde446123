import { GatewayError } from '../errors.ts'
import { TwoAges } from '../two-ages.ts'

/** A field's name as it was spelt, in lower case, and what its reader makes of it. */
export type FieldName<Role = unknown> = {
  readonly raw: string
  readonly lower: string
  readonly role: Role
  /** Each sender writes it anew: it frames a message, or concerns one connection (RFC 9110 §7.6.1). */
  readonly isRebuilt: boolean
  /** It often comes with the same value, which is nobody's secret. */
  readonly repeats: boolean
}

/** One field of a header section: checked, and as it is written. There are none but those made here. */
export type FieldLine<Role = unknown> = {
  readonly name: FieldName<Role>
  /** Without the blanks around it. */
  readonly value: string
  readonly isAscii: boolean
  /** With its line end; nothing in it ends a line sooner, or makes another of it. */
  readonly text: string
  /** As it was received, where it is remembered. */
  readonly source: string | undefined
}

export type FieldLines<Role> = {
  /** Undefined where the name is no token (RFC 9110 §5.6.2), or the value has a byte that none may have (§5.5). */
  of(name: string, value: string): FieldLine<Role> | undefined
  /** The same of a line as it was received, without its end. */
  read(line: string): FieldLine<Role> | undefined
}

const REBUILT = new Set([
  'connection',
  'keep-alive',
  'proxy-connection',
  'te',
  'trailer',
  'upgrade',
  'expect',
  'host',
  'content-length',
  'transfer-encoding',
])

const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/
const ASCII_VALUE = /^[\t\x20-\x7e]*$/
/** Nothing beyond latin-1: written as one byte, U+010A would become a line feed. */
const ANY_VALUE = /^[\t\x20-\x7e\x80-\xff]*$/
const MAX_NAMES = 512
const MAX_NAME_LENGTH = 64
const MAX_LINES = 2_048
const MAX_LINE_LENGTH = 192

/**
 * The same few names come with every message, and many with the same value: each spelling is checked, folded and
 * judged once, and so is a whole line of the names that are `repeated`. No secret belongs to these. The stores are
 * bounded, since the other side chooses what comes.
 */
export function createFieldLines<Role>(roleOf: (lower: string) => Role, repeated: RegExp): FieldLines<Role> {
  const names = createFieldNames(roleOf, repeated)
  const lines = new TwoAges<string, FieldLine<Role>>(MAX_LINES)

  return {
    of(raw, untrimmed) {
      const name = names.get(raw)
      return name === undefined ? undefined : lineOf(name, untrimmed)
    },
    read(text) {
      const colon = text.indexOf(':')
      const name = colon === -1 ? undefined : names.get(text.slice(0, colon))
      if (name === undefined) return undefined
      const isKept = name.repeats && text.length <= MAX_LINE_LENGTH
      const known = isKept ? lines.get(text) : undefined
      if (known !== undefined) return known
      const line = lineOf(name, text.slice(colon + 1))
      if (!isKept || line === undefined) return line
      const source = copied(text)
      const kept = keptLine(line, source)
      lines.set(source, kept)
      return kept
    },
  }
}

function nameOf<Role>(raw: string, role: Role, repeats: boolean): FieldName<Role> {
  const lower = raw.toLowerCase()
  return { raw, lower, role, isRebuilt: REBUILT.has(lower), repeats }
}

/** A name of the gateway's own. */
export function ownName(raw: string): FieldName {
  return nameOf(raw, undefined, false)
}

/** A field of the gateway's own. @throws GatewayError INTERNAL where the value would break out of its line */
export function ownLine(name: FieldName, value: string): FieldLine {
  const line = lineOf(name, value)
  if (line === undefined)
    throw new GatewayError('INTERNAL', { cause: new Error(`${name.raw} cannot be written`) })
  return line
}

/** The same where the value is known to be of visible ASCII, and it need not be looked at again. */
export const plainLine = (name: FieldName, value: string): FieldLine => ({
  name,
  value,
  isAscii: true,
  text: `${name.raw}: ${value}\r\n`,
  source: undefined,
})

/** The same, to be looked at and written many times: in pieces of its own. */
export function keptLine<Role>(
  { name, value, isAscii, text }: FieldLine<Role>,
  source?: string,
): FieldLine<Role> {
  return { name, value: copied(value), isAscii, text: copied(text), source }
}

/** Undefined where the value has a byte that none may have. */
function lineOf<Role>(name: FieldName<Role>, untrimmed: string): FieldLine<Role> | undefined {
  const value = trimmed(untrimmed)
  const isAscii = ASCII_VALUE.test(value)
  // What is left of CR and LF here stands alone: such bytes end a line for some readers and not for others.
  if (!isAscii && !ANY_VALUE.test(value)) return undefined
  return { name, value, isAscii, text: `${name.raw}: ${value}\r\n`, source: undefined }
}

/** Reads the sections of one connection, of which each is mostly like the one before. */
export class LineMemory<Role> {
  readonly #lines: FieldLines<Role>
  readonly #last: (FieldLine<Role> | undefined)[] = []

  constructor(lines: FieldLines<Role>) {
    this.#lines = lines
  }

  /** The `nth` line of a section: `text` from `start` to `end`. */
  read(nth: number, text: string, start: number, end: number): FieldLine<Role> | undefined {
    const received = text.slice(start, end)
    const last = this.#last[nth]
    // Compared as a whole: V8 takes twenty times as long where it is asked whether one begins with the other, and a
    // search (`indexOf`) goes on to the end of a head that somebody made to differ in each line.
    if (last?.source === received) return last
    const line = this.#lines.read(received)
    if (line?.source !== undefined) this.#last[nth] = line
    return line
  }
}

function createFieldNames<Role>(
  roleOf: (lower: string) => Role,
  repeated: RegExp,
): { get(raw: string): FieldName<Role> | undefined } {
  const known = new Map<string, FieldName<Role>>()
  return {
    get(raw) {
      const hit = known.get(raw)
      if (hit !== undefined) return hit
      if (!TOKEN.test(raw)) return undefined
      const copy = copied(raw)
      const lower = copy.toLowerCase()
      const name = nameOf(copy, roleOf(lower), repeated.test(lower))
      if (raw.length <= MAX_NAME_LENGTH) {
        if (known.size >= MAX_NAMES) known.clear()
        known.set(copy, name)
      }
      return name
    },
  }
}

/** A slice keeps the whole text alive that it was cut from, and a sum all of its parts. */
export const copied = (text: string): string => Buffer.from(text, 'latin1').toString('latin1')

function trimmed(text: string): string {
  let start = 0
  let end = text.length
  while (start < end && isBlank(text.charCodeAt(start))) start++
  while (end > start && isBlank(text.charCodeAt(end - 1))) end--
  return end - start === text.length ? text : text.slice(start, end)
}

const isBlank = (code: number): boolean => code === 32 || code === 9

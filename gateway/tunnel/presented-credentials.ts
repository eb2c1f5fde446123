import type { Credentials } from '../authn/authenticator.ts'
import type { ErrorCode } from '../errors.ts'
import { type FieldRule, foldName, ruleOf } from '../headers/names.ts'

/** Credentials from inside a socket, or why they are refused without being looked up. */
export type Presented = { credentials: Credentials } | { refused: ErrorCode }

type Slot = 'clientKey' | 'token' | 'legacyToken' | 'platformKey' | 'deviceId' | 'actingUserId'

const SLOTS = new Map<FieldRule, Slot>([
  ['client-key', 'clientKey'],
  ['legacy-client-key', 'clientKey'],
  ['token', 'token'],
  ['legacy-token', 'legacyToken'],
  ['platform-key', 'platformKey'],
  ['legacy-platform-key', 'platformKey'],
  ['device-id', 'deviceId'],
  ['acting-user', 'actingUserId'],
])

const BEARER = /^bearer +/i
const MAX_ID_CHARACTERS = 512

/**
 * Reads an object whose keys are named like our headers, folded by the same rule. `tokenArgument` wins over any
 * token among them; `plainToken` takes the key `token` for one. `others` are the entries that are not ours.
 */
export function readCredentials(
  source: Record<string, unknown>,
  options: { tokenArgument?: string | undefined; plainToken?: boolean },
): { presented: Presented | undefined; others: [string, unknown][] } {
  const others: [string, unknown][] = []
  const found = new Map<Slot, string>()
  let refused: ErrorCode | undefined
  for (const [key, value] of Object.entries(source)) {
    const slot = slotOf(key, options.plainToken === true)
    if (slot === undefined) {
      others.push([key, value])
      continue
    }
    if (value === null) continue
    if (typeof value !== 'string') {
      refused = 'BAD_REQUEST'
      continue
    }
    const text = presentValue(slot === 'token' || slot === 'legacyToken' ? value.replace(BEARER, '') : value)
    if (text === undefined) continue
    if (found.has(slot) && found.get(slot) !== text) refused ??= 'CONFLICTING_CREDENTIALS'
    found.set(slot, text)
  }
  const clientKey = found.get('clientKey')
  const platformKey = found.get('platformKey')
  const deviceId = found.get('deviceId')
  const actingUserId = found.get('actingUserId')
  const clientToken =
    presentValue(options.tokenArgument?.replace(BEARER, '') ?? '') ??
    found.get('token') ??
    found.get('legacyToken')
  if ((deviceId?.length ?? 0) > MAX_ID_CHARACTERS || (actingUserId?.length ?? 0) > MAX_ID_CHARACTERS)
    refused ??= 'BAD_REQUEST'
  if (refused !== undefined) return { presented: { refused }, others }
  if (clientKey === undefined && platformKey === undefined && clientToken === undefined)
    return { presented: undefined, others }
  return {
    presented: { credentials: { clientKey, clientToken, platformKey, deviceId, actingUserId } },
    others,
  }
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function slotOf(key: string, plainToken: boolean): Slot | undefined {
  return plainToken && foldName(key) === 'token' ? 'legacyToken' : SLOTS.get(ruleOf(key))
}

/** Shipped clients send an empty value, or the words `undefined` and `null`, where they have none. */
function presentValue(value: string): string | undefined {
  const text = value.trim()
  return text === '' || text === 'undefined' || text === 'null' ? undefined : text
}

/** The deployment's servers outside that follow what happens in rooms: webhooks, badges, pushes. */
import { createPrivateKey } from 'node:crypto'

export type OutsideConfig = {
  /** Before the keys of rooms' webhooks. */
  webhookPrefix: string | undefined
  badgeUrl: string | undefined
  pushUrl: string | undefined
  pushGenericUrl: string | undefined
  /** Shown by every push, whatever its receiver has not read. */
  constantBadge: number | undefined
  fcm:
    | { projectId: string; clientEmail: string; privateKey: string; tokenUrl: string; url: string }
    | undefined
  apns: { key: string; keyId: string; teamId: string; topic: string; url: string } | undefined
}

type Optional = <T>(name: string, parse: (text: string) => T) => T | undefined

const APNS_NAMES = ['APNS_KEY', 'APNS_KEY_ID', 'APNS_TEAM_ID', 'APNS_TOPIC'] as const

export function parseOutside(optional: Optional): OutsideConfig {
  return {
    webhookPrefix: optional('WEBHOOK', parseUrl),
    badgeUrl: optional('BADGE', parseUrl),
    pushUrl: optional('PUSH', parseUrl),
    pushGenericUrl: optional('PUSH_GENERIC', parseUrl),
    constantBadge: optional('CONSTANT_PUSH_BADGE', parseBadge),
    fcm: parseFcm(optional),
    apns: parseApns(optional),
  }
}

function parseFcm(optional: Optional): OutsideConfig['fcm'] {
  const account = optional('FCM_SERVICE_ACCOUNT', parseServiceAccount)
  const url = optional('FCM_URL', parseUrl) ?? 'https://fcm.googleapis.com'
  return account && { ...account, url }
}

function parseApns(optional: Optional): OutsideConfig['apns'] {
  const url = optional('APNS_URL', parseUrl) ?? 'https://api.push.apple.com'
  const key = optional('APNS_KEY', parseApnsKey)
  const [, keyId, teamId, topic] = APNS_NAMES.map((name) => optional(name, (text) => text))
  const missing = APNS_NAMES.filter((_, i) => [key, keyId, teamId, topic][i] === undefined)
  if (key !== undefined && keyId !== undefined && teamId !== undefined && topic !== undefined)
    return { key, keyId, teamId, topic, url }
  if (missing.length < APNS_NAMES.length)
    for (const given of APNS_NAMES.filter((name) => !missing.includes(name)).slice(0, 1))
      optional(given, () => {
        throw new Error(`needs ${missing.join(', ')} beside it`)
      })
  return undefined
}

function parseUrl(text: string): string {
  if (!URL.canParse(text) || !/^https?:$/.test(new URL(text).protocol))
    throw new Error('is not a URL that begins with http:// or https://')
  return text
}

function parseBadge(text: string): number {
  const value = Number(text)
  if (!Number.isInteger(value) || value < 0 || value > 99_999)
    throw new Error('is not a number from 0 to 99999')
  return value
}

/** The JSON file of a Google service account, as it is or in base64. */
function parseServiceAccount(text: string) {
  const json = text.trimStart().startsWith('{') ? text : Buffer.from(text, 'base64').toString()
  let account: Record<string, unknown>
  try {
    account = JSON.parse(json)
  } catch {
    throw new Error('is not the JSON of a service account')
  }
  const field = (name: string, fallback?: string): string => {
    const value = account?.[name] ?? fallback
    if (typeof value !== 'string' || value === '') throw new Error(`has no "${name}"`)
    return value
  }
  return {
    projectId: field('project_id'),
    clientEmail: field('client_email'),
    privateKey: parsePrivateKey(field('private_key')),
    tokenUrl: parseUrl(field('token_uri', 'https://oauth2.googleapis.com/token')),
  }
}

/** Line breaks may be written as \n, as environments like it. */
const parseApnsKey = (text: string): string => parsePrivateKey(text.replaceAll('\\n', '\n'))

function parsePrivateKey(text: string): string {
  try {
    return createPrivateKey(text).export({ type: 'pkcs8', format: 'pem' }).toString()
  } catch {
    throw new Error('has no private key (PEM)')
  }
}

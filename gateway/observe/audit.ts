import type { ErrorCode } from '../errors.ts'
import type { Logger } from './log.ts'

/** What a refusal or a write is told by; no query, no id, no secret. */
export type Audited = {
  method: string
  /** Undefined where the request was refused before its path was read. */
  path: string | undefined
  address: string
}

export type Audit = {
  /** A platform key changed something, or tried to; told when it was answered. */
  platformWrite(
    by: Audited & { app: string; credentialId: string; requestId: string; actsForUser: boolean },
    status: number,
  ): void
  /** Told where an operator would want to know; other refusals are only counted. */
  refused(code: ErrorCode, what: Audited & { origin?: string | undefined }): void
  /** Somebody sent fields that only the gateway may send. */
  forged(fields: number, what: Audited): void
}

/** Whoever is refused is up to something, or has configured something wrong. */
const OF_INTEREST: ReadonlySet<ErrorCode> = new Set([
  'PLATFORM_KEY_FROM_BROWSER',
  'SOURCE_NOT_ALLOWED',
  'ORIGIN_NOT_ALLOWED',
  'CONFLICTING_CREDENTIALS',
  'INVALID_API_KEY',
] satisfies ErrorCode[])

/** Words of the API's paths. Whatever else stands in a path may be an id, and is not told. */
const WORDS = new Set(
  `admin all-in-room app auths badge badges batch blockStatus bot byRoomTags byRoomTagsAndTime clients
  config connection-count count createAndJoin dead-letters delete deliveries disable enable events exists
  file files group groups hidden hide-by-sender-in-room ids info invitations invite join keys lastRead
  leave list logout logout-others me member members message messages metadata mute my notification pin
  pined-messages pref prefs preview push push2clients push2tokens quitted reaction recall recent replay
  res resources room roomPrefs rooms rotate search secrets settings sign socket.io sockets stats stickers
  streaming subscribe sync token tokens typing unhide-by-sender-in-room unread unsubscribe user-delete v1
  v2 v3 video-info webhooks`.split(/\s+/),
)

const CREDENTIAL_PREFIX_LENGTH = 8
/** Refusals cost their sender nothing; a log that they fill would cost us. */
const MAX_REFUSALS_PER_MINUTE = 600
const MAX_ORIGIN_LENGTH = 256

/** Audit lines are told at every level of the log but `silent`. */
export function createAudit(log: Logger, clock: () => number): Audit {
  const audit = log.child({ audit: true }, log.level === 'silent' ? {} : { level: 'info' })
  let minute = 0
  let told = 0

  function mayTell(): boolean {
    const now = Math.floor(clock() / 60_000)
    if (now !== minute) {
      if (told > MAX_REFUSALS_PER_MINUTE)
        audit.warn({ event: 'refusals-untold', count: told - MAX_REFUSALS_PER_MINUTE }, 'audit')
      minute = now
      told = 0
    }
    return ++told <= MAX_REFUSALS_PER_MINUTE
  }

  return {
    platformWrite({ credentialId, path, ...by }, status) {
      const credential = credentialId.slice(0, CREDENTIAL_PREFIX_LENGTH)
      audit.info({ event: 'platform-write', ...by, path: pathClass(path), credential, status }, 'audit')
    },
    refused(code, { path, origin, ...what }) {
      if (!OF_INTEREST.has(code) || !mayTell()) return
      const from = origin?.slice(0, MAX_ORIGIN_LENGTH)
      audit.warn({ event: 'refused', reason: code, ...what, path: pathClass(path), origin: from }, 'audit')
    },
    forged(fields, { path, ...what }) {
      if (mayTell()) audit.warn({ event: 'forged', fields, ...what, path: pathClass(path) }, 'audit')
    },
  }
}

// The class of `/rooms/hello/members` has a star in the place of `hello`.
export function pathClass(path: string | undefined): string | undefined {
  return path
    ?.split('/', 12)
    .map((segment) => (segment === '' || WORDS.has(segment) ? segment : '*'))
    .join('/')
}

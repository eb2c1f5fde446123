/** Apps, and the keys that name them. A key's secret is answered once, when it is made; a digest is kept. */
import { randomBytes } from 'node:crypto'
import { APP_ID_PATTERN, credentialDigest, MAX_CREDENTIAL_BYTES } from '#contract/credential.ts'
import { CoreError } from '../errors.ts'
import type { KeyKind, KeyRow, StoredSettings } from '../store/apps.ts'
import * as store from '../store/apps.ts'
import { recordChange } from '../store/credential-changes.ts'
import { DatabaseError, FOREIGN_KEY_VIOLATION, type Queryable } from '../store/database.ts'
import type { CredentialContext } from './context.ts'

export type NewKey = { kind: KeyKind; credentialId: string; secret: string; position: number }
export type Bootstrap = { app: string; clientKey: string; platformKey: string }

const SECRET_BYTES = 32
const SHOWN_CHARACTERS = 6

/** @throws CoreError INVALID_REQUEST for an id that cannot be one; APP_EXISTS */
export async function createApp(
  ctx: CredentialContext,
  app: string,
  settings: StoredSettings = {},
): Promise<{ position: number }> {
  const position = await ctx.db.transaction((tx) => addApp(tx, app, settings))
  if (position === undefined) throw new CoreError('APP_EXISTS')
  ctx.nudge()
  return { position }
}

/** @throws CoreError APP_NOT_FOUND */
export async function changeApp(
  ctx: CredentialContext,
  app: string,
  settings: StoredSettings,
): Promise<{ position: number }> {
  const position = await ctx.db.transaction(async (tx) => {
    if (!(await store.updateApp(tx, app, settings))) throw new CoreError('APP_NOT_FOUND')
    return recordChange(tx, { subject: 'app', app })
  })
  ctx.nudge()
  return { position }
}

/** Makes a key of 32 random bytes, in the form that customers know (base64). @throws CoreError APP_NOT_FOUND */
export async function createKey(
  ctx: CredentialContext,
  kind: KeyKind,
  app: string,
  validity: { notBefore?: Date; expiresAt?: Date } = {},
): Promise<NewKey> {
  const made = await addKey(ctx.db, kind, app, validity)
  ctx.nudge()
  return made
}

/** A new key beside the old one, which goes on for `overlapMs`. @throws CoreError KEY_NOT_FOUND */
export async function rotateKey(
  ctx: CredentialContext,
  kind: KeyKind,
  app: string,
  credentialId: string,
  overlapMs: number,
): Promise<NewKey> {
  const made = await ctx.db.transaction(async (tx) => {
    await endKey(tx, kind, app, credentialId, ctx.clock(), overlapMs)
    return addKey(tx, kind, app)
  })
  ctx.nudge()
  return made
}

/** @throws CoreError KEY_NOT_FOUND */
export async function revokeKey(
  ctx: CredentialContext,
  kind: KeyKind,
  app: string,
  credentialId: string,
): Promise<{ position: number }> {
  const position = await endKey(ctx.db, kind, app, credentialId, ctx.clock(), 0)
  ctx.nudge()
  return { position }
}

export const listKeys = (ctx: CredentialContext, kind: KeyKind, app: string): Promise<KeyRow[]> =>
  store.listKeys(ctx.db, kind, app)

/**
 * Ensures an app with these two keys. Repeating it changes nothing; a key that was revoked stays revoked.
 * @throws CoreError INVALID_REQUEST where a key belongs to another app, or can be none.
 */
export async function ensureApp(
  ctx: CredentialContext,
  { app, clientKey, platformKey }: Bootstrap,
): Promise<void> {
  await ctx.db.transaction(async (tx) => {
    await addApp(tx, app, {})
    await ensureKey(tx, 'client-key', app, clientKey)
    await ensureKey(tx, 'platform-key', app, platformKey)
  })
  ctx.nudge()
}

async function ensureKey(tx: Queryable, kind: KeyKind, app: string, secret: string): Promise<void> {
  if (secret === '' || Buffer.byteLength(secret) > MAX_CREDENTIAL_BYTES)
    throw new CoreError(
      'INVALID_REQUEST',
      `The ${kind} is empty or has more than ${MAX_CREDENTIAL_BYTES} bytes.`,
    )
  const digest = credentialDigest(kind, '', secret)
  // Chosen by people, so a prefix could give much of it away.
  const added = await store.insertKey(tx, kind, { digest, app, prefix: '' })
  if (added !== undefined) return
  const keys = await store.listKeys(tx, kind, app)
  if (!keys.some((key) => key.digest === digest))
    throw new CoreError('INVALID_REQUEST', `The ${kind} belongs to another app.`)
}

/**
 * A second app ends the first one's being the only one, which sockets that name no app rely on: both changed.
 * @returns undefined where the app is there already.
 */
async function addApp(tx: Queryable, app: string, settings: StoredSettings): Promise<number | undefined> {
  if (!APP_ID_PATTERN.test(app))
    throw new CoreError(
      'INVALID_REQUEST',
      'An app id has lower-case letters, digits and hyphens, 63 at most.',
    )
  if (!(await store.insertApp(tx, app, settings))) return undefined
  const ids = await store.appIds(tx, 3)
  const [other] = ids.length === 2 ? ids.filter((id) => id !== app) : []
  if (other !== undefined) await recordChange(tx, { subject: 'app', app: other })
  return recordChange(tx, { subject: 'app', app })
}

async function addKey(
  db: Queryable,
  kind: KeyKind,
  app: string,
  validity: { notBefore?: Date; expiresAt?: Date } = {},
): Promise<NewKey> {
  const secret = randomBytes(SECRET_BYTES).toString('base64')
  const credentialId = credentialDigest(kind, '', secret)
  const prefix = secret.slice(0, SHOWN_CHARACTERS)
  try {
    const position = await store.insertKey(db, kind, { digest: credentialId, app, prefix, ...validity })
    if (position === undefined) throw new Error('a random key was there already')
    return { kind, credentialId, secret, position }
  } catch (error) {
    if (error instanceof DatabaseError && error.sqlState === FOREIGN_KEY_VIOLATION)
      throw new CoreError('APP_NOT_FOUND', undefined, { cause: error })
    throw error
  }
}

async function endKey(
  db: Queryable,
  kind: KeyKind,
  app: string,
  digest: string,
  nowMs: number,
  delayMs: number,
): Promise<number> {
  const key = { app, digest, at: new Date(nowMs + delayMs), now: new Date(nowMs) }
  const position = await store.endKey(db, kind, key)
  if (position === undefined) throw new CoreError('KEY_NOT_FOUND')
  return position
}

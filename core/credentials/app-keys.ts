/** An app's keys as operators and customers see and change them: by id, with what is known of them but the secret. */
import { CoreError } from '../errors.ts'
import type { KeyKind, KeyRow } from '../store/apps.ts'
import { findApp } from '../store/apps.ts'
import type { CredentialContext } from './context.ts'
import { parseExpiration } from './expiration.ts'
import { createKey, listKeys, type NewKey, revokeKey, rotateKey } from './keys.ts'

export type ShownKey = {
  id: string
  kind: KeyKind
  /** The first characters of the secret; empty where people chose it. */
  prefix: string
  state: 'live' | 'pending' | 'expired' | 'revoked'
  createdAt: string
  notBefore: string | null
  expiresAt: string | null
  revokedAt: string | null
  /** Within some minutes: gateways remember a key. */
  lastUsedAt: string | null
}

/** The only time that the secret is told. */
export type ShownNewKey = { id: string; kind: KeyKind; secret: string }

const DAY_MS = 86_400_000

/** Newest first, ended ones included. @throws CoreError APP_NOT_FOUND */
export async function listAppKeys(ctx: CredentialContext, app: string): Promise<ShownKey[]> {
  if ((await findApp(ctx.db, app)) === undefined) throw new CoreError('APP_NOT_FOUND')
  const ofKind = async (kind: KeyKind) =>
    (await listKeys(ctx, kind, app)).map((row) => show(kind, row, ctx.clock()))
  return [...(await ofKind('platform-key')), ...(await ofKind('client-key'))]
}

/** @throws CoreError APP_NOT_FOUND, INVALID_REQUEST */
export async function createAppKey(
  ctx: CredentialContext,
  app: string,
  input: { kind: KeyKind; notBefore?: unknown; expiresAt?: unknown },
): Promise<{ key: ShownNewKey; position: number }> {
  const notBefore = parseExpiration(input.notBefore)
  const expiresAt = parseExpiration(input.expiresAt)
  if (expiresAt !== undefined && expiresAt.getTime() <= Math.max(ctx.clock(), notBefore?.getTime() ?? 0))
    throw new CoreError('INVALID_REQUEST', '"expiresAt" is not later than the beginning.')
  const validity = { ...(notBefore && { notBefore }), ...(expiresAt && { expiresAt }) }
  return showNew(await createKey(ctx, input.kind, app, validity))
}

/**
 * A new key; the old one is good until `until`, by default for a day.
 * @throws CoreError KEY_NOT_FOUND, INVALID_REQUEST
 */
export async function rotateAppKey(
  ctx: CredentialContext,
  app: string,
  id: string,
  input: { until?: unknown },
): Promise<{ key: ShownNewKey; position: number }> {
  const until = parseExpiration(input.until)
  const overlapMs = until === undefined ? DAY_MS : Math.max(0, until.getTime() - ctx.clock())
  return showNew(await rotateKey(ctx, await kindOf(ctx, app, id), app, id, overlapMs))
}

/** At once. @throws CoreError KEY_NOT_FOUND */
export const revokeAppKey = async (
  ctx: CredentialContext,
  app: string,
  id: string,
): Promise<{ position: number }> => revokeKey(ctx, await kindOf(ctx, app, id), app, id)

async function kindOf(ctx: CredentialContext, app: string, id: string): Promise<KeyKind> {
  for (const kind of ['platform-key', 'client-key'] as const)
    if ((await listKeys(ctx, kind, app)).some(({ digest }) => digest === id)) return kind
  throw new CoreError('KEY_NOT_FOUND')
}

const showNew = ({ kind, credentialId, secret, position }: NewKey) => ({
  key: { id: credentialId, kind, secret },
  position,
})

function show(kind: KeyKind, row: KeyRow, nowMs: number): ShownKey {
  const at = (date: Date | null): string | null => date?.toISOString() ?? null
  const { digest: id, prefix, createdAt, notBefore, expiresAt, revokedAt, lastUsedAt } = row
  return {
    id,
    kind,
    prefix,
    state: stateOf(row, nowMs),
    createdAt: createdAt.toISOString(),
    notBefore: at(notBefore),
    expiresAt: at(expiresAt),
    revokedAt: at(revokedAt),
    lastUsedAt: at(lastUsedAt),
  }
}

function stateOf({ revokedAt, expiresAt, notBefore }: KeyRow, nowMs: number): ShownKey['state'] {
  if (revokedAt !== null) return 'revoked'
  if (expiresAt !== null && expiresAt.getTime() <= nowMs) return 'expired'
  return notBefore !== null && notBefore.getTime() > nowMs ? 'pending' : 'live'
}

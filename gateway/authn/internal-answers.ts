/** Parsers for what the core's internal API answers: typed, or an exception that says what is wrong. */
import { APP_ID_PATTERN, type CredentialKind } from '#contract/credential.ts'
import type {
  AppAuthentication,
  AppSettings,
  CredentialChange,
  CredentialChanges,
  ExternalAuth,
  Grant,
  Introspection,
  JwksAlgorithm,
  JwtKeys,
  Provision,
} from '#contract/internal.ts'

type Fields = Readonly<Record<string, unknown>>

const CREDENTIAL_ID = /^[A-Za-z0-9_-]{43}$/
const MAX_USER_ID_LENGTH = 1_024

/** @param kind What was asked about; a grant of any other kind is malformed. */
export function parseIntrospection(value: unknown, kind: CredentialKind): Introspection {
  const fields = parseFields(value, 'introspection')
  const position = parsePosition(fields.position)
  if (fields.active === false)
    return fields.unknown === true ? { active: false, position, unknown: true } : { active: false, position }
  if (fields.active !== true) throw malformed('active')
  return { active: true, position, grant: parseGrant(fields.grant, kind) }
}

export function parseProvision(value: unknown): Provision {
  const { position, allowed } = parseFields(value, 'provision')
  return { position: parsePosition(position), allowed: parseBoolean(allowed, 'allowed') }
}

export function parseCredentialChanges(value: unknown): CredentialChanges {
  const { position, changes, reset } = parseFields(value, 'credential changes')
  if (!Array.isArray(changes)) throw malformed('changes')
  return {
    position: parsePosition(position),
    changes: changes.map(parseChange),
    reset: parseBoolean(reset, 'reset'),
  }
}

function parseGrant(value: unknown, kind: CredentialKind): Grant {
  const fields = parseFields(value, 'grant')
  if (fields.kind !== kind) throw malformed('grant.kind')
  const app = parseApp(fields.app)
  const expiresAtMs = parseExpiry(fields.expiresAtMs)
  switch (kind) {
    case 'client-token':
      return { kind, app, userId: parseUserId(fields.userId), expiresAtMs }
    case 'default-app':
      return { kind, app, settings: parseSettings(fields.settings, app), expiresAtMs: undefined }
    case 'client-key':
    case 'platform-key':
      return { kind, app, settings: parseSettings(fields.settings, app), expiresAtMs }
  }
}

function parseSettings(value: unknown, app: string): AppSettings {
  const fields = parseFields(value, 'settings')
  if (fields.app !== app) throw malformed('settings.app')
  return {
    app,
    origins: parseTexts(fields.origins, 'settings.origins'),
    allowPlatformKeyFromBrowser: parseBoolean(
      fields.allowPlatformKeyFromBrowser,
      'settings.allowPlatformKeyFromBrowser',
    ),
    platformSources: parseTexts(fields.platformSources, 'settings.platformSources'),
    ...(fields.authentication !== undefined && {
      authentication: parseAuthentication(fields.authentication),
    }),
  }
}

function parseAuthentication(value: unknown): AppAuthentication {
  const { jwt, external } = parseFields(value, 'settings.authentication')
  return {
    ...(jwt !== undefined && { jwt: parseJwtKeys(jwt) }),
    ...(external !== undefined && { external: parseExternalAuth(external) }),
  }
}

function parseJwtKeys(value: unknown): JwtKeys {
  const fields = parseFields(value, 'jwt')
  const { issuer, audience, userIdClaim } = fields
  const claims = {
    ...(issuer !== undefined && { issuer: parseText(issuer, 'jwt.issuer') }),
    ...(audience !== undefined && { audience: parseText(audience, 'jwt.audience') }),
    ...(userIdClaim !== undefined && { userIdClaim: parseText(userIdClaim, 'jwt.userIdClaim') }),
  }
  if (fields.algorithm === 'HS256')
    return { algorithm: 'HS256', secret: parseText(fields.secret, 'jwt.secret'), ...claims }
  const algorithms = parseTexts(fields.algorithms, 'jwt.algorithms')
  if (algorithms.length === 0 || !algorithms.every(isJwksAlgorithm)) throw malformed('jwt.algorithms')
  return { jwksUrl: parseText(fields.jwksUrl, 'jwt.jwksUrl'), algorithms, ...claims }
}

const isJwksAlgorithm = (name: string): name is JwksAlgorithm =>
  name === 'RS256' || name === 'ES256' || name === 'EdDSA'

function parseExternalAuth(value: unknown): ExternalAuth {
  const { url, timeoutMs, cacheMs, isDeployments } = parseFields(value, 'external')
  return {
    url: parseText(url, 'external.url'),
    timeoutMs: parsePosition(timeoutMs),
    cacheMs: parsePosition(cacheMs),
    isDeployments: parseBoolean(isDeployments, 'external.isDeployments'),
  }
}

function parseChange(value: unknown): CredentialChange {
  const fields = parseFields(value, 'change')
  const at = { position: parsePosition(fields.position), app: parseApp(fields.app) }
  const { subject, effect } = fields
  if (subject === 'credential' && (effect === 'granted' || effect === 'revoked')) {
    const { credentialId } = fields
    if (typeof credentialId !== 'string' || !CREDENTIAL_ID.test(credentialId))
      throw malformed('change.credentialId')
    if (effect === 'revoked') return { ...at, subject, effect, credentialId }
    const expiresAtMs = fields.expiresAtMs === null ? null : parseExpiry(fields.expiresAtMs)
    return { ...at, subject, effect, credentialId, ...(expiresAtMs !== undefined && { expiresAtMs }) }
  }
  if (subject === 'user' && effect === 'revoked')
    return { ...at, subject, effect, userId: parseUserId(fields.userId) }
  if (subject === 'app' && effect === 'changed') return { ...at, subject, effect }
  throw malformed('change.subject')
}

function parseFields(value: unknown, what: string): Fields {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw malformed(what)
  return value as Fields
}

function parsePosition(value: unknown): number {
  if (!Number.isSafeInteger(value) || Number(value) < 0) throw malformed('position')
  return Number(value)
}

function parseExpiry(value: unknown): number | undefined {
  if (value === undefined) return undefined
  if (!Number.isSafeInteger(value)) throw malformed('grant.expiresAtMs')
  return Number(value)
}

function parseApp(value: unknown): string {
  if (typeof value !== 'string' || !APP_ID_PATTERN.test(value)) throw malformed('app')
  return value
}

function parseUserId(value: unknown): string {
  if (typeof value !== 'string' || value === '' || value.length > MAX_USER_ID_LENGTH)
    throw malformed('userId')
  return value
}

function parseBoolean(value: unknown, what: string): boolean {
  if (typeof value !== 'boolean') throw malformed(what)
  return value
}

function parseText(value: unknown, what: string): string {
  if (typeof value !== 'string' || value === '') throw malformed(what)
  return value
}

function parseTexts(value: unknown, what: string): string[] {
  if (!Array.isArray(value) || !value.every((entry) => typeof entry === 'string')) throw malformed(what)
  return value
}

const malformed = (what: string): Error => new Error(`the core's internal API answered a malformed ${what}`)

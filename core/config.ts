import { isIP } from 'node:net'
import { APP_ID_PATTERN } from '#contract/credential.ts'
import { type PrivateUpstreams, parsePrivateUpstreams } from '#contract/outbound-address.ts'
import { parseRedisUrl } from '#contract/redis-url.ts'
import { parseSigningKeys, type SigningKey } from '#contract/signature.ts'
import { parseTracing, type TracingSettings } from '#contract/tracing-settings.ts'
import type { Bootstrap } from './credentials/keys.ts'
import { isSource } from './credentials/settings-change.ts'
import { type FilesConfig, parseFiles } from './files-config.ts'
import { type OutsideConfig, parseOutside } from './outside-config.ts'
import { parseSockets, type SocketsConfig } from './sockets-config.ts'
import { parseDatabaseUrl } from './store/open-database.ts'

export type CoreConfig = {
  host: string
  port: number
  internalHost: string
  internalPort: number
  adminHost: string
  adminPort: number
  databaseUrl: string
  databasePoolSize: number
  redisUrl: string | undefined
  signingKeys: SigningKey[]
  jwtSecret: Uint8Array
  tokenLifetimeMs: number
  /** Of apps that name none of their own: exact origins, or the single entry `*`. */
  corsOrigins: string[]
  /** The auth service that verifies tokens of apps that have no authentication of their own. */
  authUrl: string | undefined
  /** Where tokens are signed instead of here. */
  authSignUrl: string | undefined
  /** Where the URLs that apps configure may lead, beside public addresses. */
  privateUpstreams: PrivateUpstreams
  /** What operators send to the admin port; without it only this machine reaches the operators' API. */
  adminToken: string | undefined
  invitationRequired: boolean
  /** Whether a client key alone signs anyone in: for development only. */
  sandbox: boolean
  /** Where each app's usage is posted once an hour. */
  reportUrl: string | undefined
  /** From where platform keys are taken, of apps that say nothing of it; empty = from everywhere. */
  platformSources: string[]
  sockets: SocketsConfig
  outside: OutsideConfig
  files: FilesConfig
  /** An app and its keys that are ensured at start. */
  bootstrap: Bootstrap | undefined
  tracing?: TracingSettings | undefined
  logLevel: LogLevel
}

const LOG_LEVELS = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'] as const
export type LogLevel = (typeof LOG_LEVELS)[number]

export type Environment = Readonly<Record<string, string | undefined>>

/** Every problem at once, a line each, none with a value that could be a secret. */
export class ConfigError extends Error {
  readonly problems: readonly string[]
  constructor(problems: readonly string[]) {
    super(`the configuration is not valid:\n${problems.map((problem) => `  ${problem}`).join('\n')}`)
    this.name = 'ConfigError'
    this.problems = problems
  }
}

const DAY_MS = 86_400_000
const MIN_JWT_SECRET_BYTES = 16
const MIN_ADMIN_TOKEN_LENGTH = 16
const BOOTSTRAP_NAMES = ['BOOTSTRAP_APP', 'BOOTSTRAP_CLIENT_KEY', 'BOOTSTRAP_PLATFORM_KEY'] as const

/** Reads the core's configuration from an environment. @throws ConfigError */
export function parseConfig(env: Environment): CoreConfig {
  const problems: string[] = []
  const read = <T>(name: string, fallback: string | undefined, parse: (text: string) => T): T => {
    const text = env[name]?.trim() || fallback
    try {
      if (text === undefined) throw new Error('is not set')
      return parse(text)
    } catch (error) {
      problems.push(`${name}: ${error instanceof Error ? error.message : 'is not valid'}`)
      // Never used: parseConfig throws below.
      return undefined as T
    }
  }
  const optional = <T>(name: string, parse: (text: string) => T): T | undefined =>
    env[name]?.trim() ? read(name, undefined, parse) : undefined

  const [app, clientKey, platformKey] = BOOTSTRAP_NAMES.map((name) => optional(name, (text) => text))
  if (app !== undefined && !APP_ID_PATTERN.test(app))
    problems.push('BOOTSTRAP_APP: is not an app id (lower-case letters, digits and hyphens, 63 at most)')
  const missing = BOOTSTRAP_NAMES.filter((_, i) => [app, clientKey, platformKey][i] === undefined)
  if (missing.length === 1 || missing.length === 2)
    for (const name of missing)
      problems.push(`${name}: is not set (set all of ${BOOTSTRAP_NAMES.join(', ')}, or none)`)

  const config: CoreConfig = {
    host: read('CORE_HOST', '127.0.0.1', parseHost),
    port: read('CORE_PORT', '8090', parsePort),
    internalHost: read('CORE_INTERNAL_HOST', '127.0.0.1', parseHost),
    internalPort: read('CORE_INTERNAL_PORT', '8091', parsePort),
    adminHost: read('CORE_ADMIN_HOST', '127.0.0.1', parseHost),
    adminPort: read('CORE_ADMIN_PORT', '8092', parsePort),
    databaseUrl: read('DATABASE_URL', undefined, parseDatabase),
    databasePoolSize: read('DATABASE_POOL_SIZE', '10', (text) => parseNumber(text, 1, 1_000)),
    redisUrl: optional('REDIS_URL', parseRedis),
    signingKeys: read('IDENTITY_KEYS', undefined, parseSigningKeys),
    jwtSecret: read('JWT_SECRET', undefined, parseJwtSecret),
    tokenLifetimeMs: read('TOKEN_EXPIRATION_DAYS', '7', (text) => parseNumber(text, 0.001, 36_500) * DAY_MS),
    corsOrigins: read('CORS_ORIGINS', '*', parseOrigins),
    authUrl: optional('AUTH_VERIFY_URL', parseServiceUrl) ?? optional('AUTH', parseServiceUrl),
    authSignUrl: optional('AUTH_SIGN', parseServiceUrl),
    privateUpstreams: read('ALLOW_PRIVATE_UPSTREAMS', 'false', parsePrivateUpstreams),
    adminToken: optional('CORE_ADMIN_TOKEN', parseAdminToken),
    platformSources: optional('PLATFORM_API_SOURCE_FILTER', parseSources) ?? [],
    sockets: parseSockets(optional, parseBoolean),
    outside: parseOutside(optional),
    files: parseFiles(optional, env.DATABASE_URL?.trim() || undefined),
    sandbox: read('SANDBOX', env.NODE_ENV === 'development' ? 'true' : 'false', parseBoolean),
    reportUrl: optional('REPORT_URL', parseServiceUrl),
    invitationRequired: read('INVITATION_REQUIRED', 'false', parseBoolean),
    bootstrap: app && clientKey && platformKey ? { app, clientKey, platformKey } : undefined,
    tracing: parseTracing(optional, 'imkit-core'),
    logLevel: read('LOG_LEVEL', 'info', parseLogLevel),
  }
  if (problems.length > 0) throw new ConfigError(problems)
  return config
}

function parsePort(text: string): number {
  const port = Number(text)
  if (!/^\d+$/.test(text) || port > 65_535) throw new Error('is not a port (0 to 65535, 0 = any free one)')
  return port
}

function parseHost(text: string): string {
  if (isIP(text) === 0 && !/^[A-Za-z0-9.-]+$/.test(text)) throw new Error('is not an address or a host name')
  return text
}

function parseDatabase(text: string): string {
  parseDatabaseUrl(text)
  return text
}

/** The value is not quoted: it may hold a secret. */
function parseServiceUrl(text: string): string {
  if (!URL.canParse(text) || !/^https?:$/.test(new URL(text).protocol))
    throw new Error('is not a URL that begins with http:// or https://')
  const { username, password } = new URL(text)
  if (username !== '' || password !== '') throw new Error('holds a user or a password')
  return text
}

function parseAdminToken(text: string): string {
  if (text.length < MIN_ADMIN_TOKEN_LENGTH)
    throw new Error(`has fewer than ${MIN_ADMIN_TOKEN_LENGTH} characters`)
  return text
}

function parseRedis(text: string): string {
  parseRedisUrl(text)
  return text
}

function parseNumber(text: string, least: number, most: number): number {
  const value = Number(text)
  if (!(value >= least && value <= most)) throw new Error(`is not a number from ${least} to ${most}`)
  return value
}

function parseJwtSecret(text: string): Uint8Array {
  const secret = new TextEncoder().encode(text)
  if (secret.length < MIN_JWT_SECRET_BYTES) throw new Error(`has fewer than ${MIN_JWT_SECRET_BYTES} bytes`)
  return secret
}

function parseOrigins(text: string): string[] {
  const origins = text.split(',').flatMap((entry) => entry.trim() || [])
  if (origins.length === 1 && origins[0] === '*') return origins
  for (const origin of origins) {
    if (!URL.canParse(origin) || new URL(origin).origin !== origin)
      throw new Error(`"${origin}" is not an origin such as https://chat.example.com`)
  }
  return origins
}

function parseSources(text: string): string[] {
  const sources = text.split(/[\s,]+/).filter((source) => source !== '')
  if (sources.length > 0 && sources.every(isSource)) return sources
  throw new Error('holds something that is no address and no network such as 192.0.2.0/24')
}

function parseBoolean(text: string): boolean {
  if (/^(true|1|yes|on)$/i.test(text)) return true
  if (/^(false|0|no|off)$/i.test(text)) return false
  throw new Error('is neither true nor false')
}

function parseLogLevel(text: string): LogLevel {
  const level = LOG_LEVELS.find((known) => known === text)
  if (level === undefined) throw new Error(`is not one of ${LOG_LEVELS.join(', ')}`)
  return level
}

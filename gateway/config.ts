import { readFileSync } from 'node:fs'
import { isIP } from 'node:net'
import { createSecureContext } from 'node:tls'
import { withConfigFile } from '#contract/config-file.ts'
import { type PrivateUpstreams, parsePrivateUpstreams } from '#contract/outbound-address.ts'
import { parseRedisUrl } from '#contract/redis-url.ts'
import { parseSigningKeys, type SigningKey } from '#contract/signature.ts'
import { parseTracing, type TracingSettings } from '#contract/tracing-settings.ts'
import { parseTrustedProxies, type TrustedProxies } from './headers/forwarded.ts'
import { RATE_DEFAULTS, type RateSettings } from './limits/rate-limits.ts'
import { parseUpstreamUrls } from './upstream/addresses.ts'

export type GatewayConfig = {
  host: string
  port: number
  /** Several gateways on one machine listen on the same port, and share what comes. */
  reusePort: boolean
  adminHost: string
  adminPort: number
  /** Where requests are forwarded; any HTTP server that verifies `IM-Identity` may stand there. */
  coreUrls: string[]
  /** Where credentials are introspected and their changes followed. */
  coreInternalUrl: string
  redisUrl: string | undefined
  signingKeys: SigningKey[]
  /** Exact origins, or the single entry `*`: for preflights and errors, where no app is known. */
  corsOrigins: string[]
  trustedProxies: TrustedProxies
  /** Where the URLs that apps configure (auth services, key sets) may lead, beside public addresses. */
  privateUpstreams: PrivateUpstreams
  /** The demo's server; `/demo` is forwarded to it, unauthenticated. Only the embedded mode sets it. */
  demoUrl: string | undefined
  /** Undefined = TLS ends in front of the gateway, or nowhere. */
  tls: TlsMaterial | undefined
  rates: RateSettings
  server: ServerLimits
  /** Whether plain requests go the short way (http/lane). */
  fastLane: boolean
  drain: DrainTimes
  tracing?: TracingSettings | undefined
  logLevel: LogLevel
}

/** PEM texts, and the files that they are from; `cert` may hold a chain. */
export type TlsMaterial = { cert: string; key: string; certFile: string; keyFile: string }

export type ServerLimits = {
  /** Of a request's body. */
  maxBodyBytes: number
  maxConnections: number
  /** Of one peer that is no trusted proxy. */
  maxConnectionsPerAddress: number
  /** From the first byte of a request to the end of its header section. */
  headersTimeoutMs: number
  /** How long a body may come as slowly as it likes. */
  bodyGraceMs: number
  keepAliveTimeoutMs: number
}

export type DrainTimes = {
  /** Between saying `not ready` and accepting no more: for load balancers to look. */
  delayMs: number
  /** In which sockets and kept-alive connections are closed. */
  windowMs: number
  /** For what is under way, from the end of the delay. */
  timeoutMs: number
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

/** The same from an environment and its `CONFIG_FILE`. @throws ConfigError */
export function loadConfig(env: Environment): GatewayConfig {
  const merged = withConfigFile(env)
  if (merged.problems.length > 0) throw new ConfigError(merged.problems)
  return parseConfig(merged.env)
}

/** Reads the gateway's configuration from an environment. @throws ConfigError */
export function parseConfig(env: Environment): GatewayConfig {
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

  const count = (name: string, fallback: number, least: number): number =>
    read(name, `${fallback}`, (text) => parseCount(text, least))
  const parseTls = (): TlsMaterial | undefined => {
    const certFile = env.TLS_CERT_FILE?.trim()
    const keyFile = env.TLS_KEY_FILE?.trim()
    if (!certFile && !keyFile) return undefined
    const cert = read('TLS_CERT_FILE', undefined, readText)
    const key = read('TLS_KEY_FILE', undefined, readText)
    if (!certFile || !keyFile || cert === undefined || key === undefined) return undefined
    return read('TLS_CERT_FILE', undefined, () => parsePair({ cert, key, certFile, keyFile }))
  }

  const config: GatewayConfig = {
    host: read('GATEWAY_HOST', '127.0.0.1', parseHost),
    port: read('GATEWAY_PORT', '8080', parsePort),
    reusePort: read('REUSE_PORT', 'off', parseSwitch),
    adminHost: read('GATEWAY_ADMIN_HOST', '127.0.0.1', parseHost),
    adminPort: read('GATEWAY_ADMIN_PORT', '8081', parsePort),
    coreUrls: read('CORE_URLS', undefined, parseCoreUrls),
    coreInternalUrl: read('CORE_INTERNAL_URL', undefined, (text) => parseUrl(text, ['http:', 'https:'])),
    redisUrl: optional('REDIS_URL', parseRedis),
    signingKeys: read('IDENTITY_KEYS', undefined, parseSigningKeys),
    corsOrigins: read('CORS_ORIGINS', '*', parseOrigins),
    trustedProxies: read('TRUSTED_PROXIES', ' ', parseTrustedProxies),
    privateUpstreams: read('ALLOW_PRIVATE_UPSTREAMS', 'false', parsePrivateUpstreams),
    demoUrl: optional('DEMO_URL', (text) => parseUrl(text, ['http:'])),
    tls: parseTls(),
    rates: {
      platform: count('RATE_LIMIT_PLATFORM', RATE_DEFAULTS.platform, 1),
      client: count('RATE_LIMIT_CLIENT', RATE_DEFAULTS.client, 1),
      address: count('RATE_LIMIT_ADDRESS', RATE_DEFAULTS.address, 1),
      refused: count('RATE_LIMIT_REFUSED', RATE_DEFAULTS.refused, 1),
    },
    server: {
      maxBodyBytes: count('MAX_BODY_BYTES', 104_857_600, 1),
      maxConnections: count('MAX_CONNECTIONS', 100_000, 1),
      maxConnectionsPerAddress: count('MAX_CONNECTIONS_PER_ADDRESS', 20_000, 1),
      headersTimeoutMs: count('HEADERS_TIMEOUT_MS', 10_000, 100),
      bodyGraceMs: count('BODY_GRACE_MS', 10_000, 100),
      // Longer than the usual 60 s of a load balancer, so that it is never us who closes under a request.
      keepAliveTimeoutMs: count('KEEP_ALIVE_TIMEOUT_MS', 72_000, 100),
    },
    fastLane: read('FAST_LANE', 'on', parseSwitch),
    drain: {
      delayMs: count('DRAIN_DELAY_MS', 0, 0),
      windowMs: count('DRAIN_WINDOW_MS', 5_000, 0),
      timeoutMs: count('DRAIN_TIMEOUT_MS', 25_000, 0),
    },
    tracing: parseTracing(optional, 'imkit-gateway'),
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

function parseUrl(text: string, protocols: readonly string[]): string {
  if (!URL.canParse(text)) throw new Error('is not a URL')
  const url = new URL(text)
  if (!protocols.includes(url.protocol)) throw new Error(`must begin with ${protocols.join(' or ')}//`)
  return text.replace(/\/+$/, '')
}

function parseRedis(text: string): string {
  parseRedisUrl(text)
  return text
}

function parseCoreUrls(text: string): string[] {
  const urls = parseList(text).map((url) => parseUrl(url, ['http:']))
  parseUpstreamUrls(urls)
  return urls
}

function parseList(text: string): string[] {
  const entries = text.split(',').flatMap((entry) => entry.trim() || [])
  if (entries.length === 0) throw new Error('is an empty list')
  return entries
}

function parseOrigins(text: string): string[] {
  const origins = parseList(text)
  if (origins.length === 1 && origins[0] === '*') return origins
  for (const origin of origins) {
    if (!URL.canParse(origin) || new URL(origin).origin !== origin)
      throw new Error(`"${origin}" is not an origin such as https://chat.example.com`)
  }
  return origins
}

function parseLogLevel(text: string): LogLevel {
  const level = LOG_LEVELS.find((known) => known === text)
  if (level === undefined) throw new Error(`is not one of ${LOG_LEVELS.join(', ')}`)
  return level
}

function parseSwitch(text: string): boolean {
  if (text !== 'on' && text !== 'off') throw new Error('is neither on nor off')
  return text === 'on'
}

const MAX_COUNT = 1_000_000_000_000

function parseCount(text: string, least: number): number {
  const value = Number(text)
  if (!/^\d+$/.test(text) || value < least || value > MAX_COUNT)
    throw new Error(`is not a whole number of at least ${least}`)
  return value
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    throw new Error(`cannot be read (${error instanceof Error && 'code' in error ? error.code : 'failed'})`)
  }
}

/** OpenSSL's own words could quote the key. */
function parsePair(material: TlsMaterial): TlsMaterial {
  try {
    createSecureContext({ cert: material.cert, key: material.key })
  } catch {
    throw new Error('holds no certificate in PEM form that TLS_KEY_FILE has the key of')
  }
  return material
}

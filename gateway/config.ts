import { isIP } from 'node:net'
import { type PrivateUpstreams, parsePrivateUpstreams } from '#contract/outbound-address.ts'
import { parseSigningKeys, type SigningKey } from '#contract/signature.ts'
import { parseTrustedProxies, type TrustedProxies } from './headers/forwarded.ts'

export type GatewayConfig = {
  host: string
  port: number
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
  logLevel: LogLevel
}

const LOG_LEVELS = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'] as const
export type LogLevel = (typeof LOG_LEVELS)[number]

type Environment = Readonly<Record<string, string | undefined>>

/** Every problem at once, a line each, none with a value that could be a secret. */
export class ConfigError extends Error {
  readonly problems: readonly string[]
  constructor(problems: readonly string[]) {
    super(`the configuration is not valid:\n${problems.map((problem) => `  ${problem}`).join('\n')}`)
    this.name = 'ConfigError'
    this.problems = problems
  }
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

  const config: GatewayConfig = {
    host: read('GATEWAY_HOST', '127.0.0.1', parseHost),
    port: read('GATEWAY_PORT', '8080', parsePort),
    adminHost: read('GATEWAY_ADMIN_HOST', '127.0.0.1', parseHost),
    adminPort: read('GATEWAY_ADMIN_PORT', '8081', parsePort),
    coreUrls: read('CORE_URLS', undefined, (text) => parseList(text).map((url) => parseUrl(url, ['http:']))),
    coreInternalUrl: read('CORE_INTERNAL_URL', undefined, (text) => parseUrl(text, ['http:', 'https:'])),
    redisUrl: optional('REDIS_URL', (text) => parseUrl(text, ['redis:', 'rediss:'])),
    signingKeys: read('IDENTITY_KEYS', undefined, parseSigningKeys),
    corsOrigins: read('CORS_ORIGINS', '*', parseOrigins),
    trustedProxies: read('TRUSTED_PROXIES', ' ', parseTrustedProxies),
    privateUpstreams: read('ALLOW_PRIVATE_UPSTREAMS', 'false', parsePrivateUpstreams),
    demoUrl: optional('DEMO_URL', (text) => parseUrl(text, ['http:'])),
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

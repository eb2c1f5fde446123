import { resolve } from 'node:path'
import { StartError } from './start-error.ts'

const DEFAULT_PORTS = {
  GATEWAY_PORT: 8080,
  GATEWAY_ADMIN_PORT: 8081,
  CORE_PORT: 8090,
  CORE_INTERNAL_PORT: 8091,
  CORE_ADMIN_PORT: 8092,
} as const

export type PortName = keyof typeof DEFAULT_PORTS
export type Environment = Record<string, string | undefined>

export type EmbeddedConfig = {
  /** Holds the database, the secrets, `demo.json` and the logs. */
  dataDir: string
  /** 0 = any free port. */
  ports: Record<PortName, number>
  /** Pass the services' logs on to the terminal instead of writing them to files. */
  showLogs: boolean
}

/** @throws StartError naming every problem at once. */
export function parseEmbeddedConfig(env: Environment): EmbeddedConfig {
  const problems: string[] = []
  const ports: Record<PortName, number> = { ...DEFAULT_PORTS }
  for (const name of portNames) {
    const text = env[name]
    if (text === undefined || text === '') continue
    const port = Number(text)
    if (/^\d{1,5}$/.test(text) && port <= 65_535) ports[name] = port
    else problems.push(`${name} is "${text}", not a port from 0 (any free one) to 65535`)
  }
  const chosen = portNames.filter((name) => ports[name] !== 0)
  for (const name of chosen) {
    const twin = chosen.find((other) => other < name && ports[other] === ports[name])
    if (twin !== undefined) problems.push(`${twin} and ${name} are both ${ports[name]}`)
  }
  if (problems.length > 0) throw new StartError(`The configuration is not usable: ${problems.join('; ')}.`)
  return { dataDir: resolve(env.DATA_DIR || '.data'), ports, showLogs: env.LOG === '1' }
}

export const portNames = Object.keys(DEFAULT_PORTS) as PortName[]

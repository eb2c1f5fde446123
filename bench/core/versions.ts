import { randomBytes } from 'node:crypto'
import { basename } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { Pool } from 'undici'
import { IDENTITY_HEADER } from '../../core/contract/identity.ts'
import { parseSigningKeys, signIdentity } from '../../core/contract/signature.ts'
import { openDatabase } from '../../core/store/open-database.ts'
import type { Scope } from '../../test/support/child-process.ts'
import { startPostgres } from '../../test/support/postgres.ts'
import { ROOT, startService } from '../../test/support/service.ts'
import { usageOf } from '../usage.ts'
import { median, type Row } from './figures.ts'
import { hear, is, startChild } from './node-child.ts'
import { addListener, addMessages, addRooms, benchApp } from './postgres.ts'

const ROOMS = 1_000
const CLIENTS = 32
const LISTENERS = 500
const MESSAGES = 100_000

type Call = (nth: number) => Promise<void>
type Core = { name: string; pid: number; calls: Record<string, Call> }
type Cost = { cpuUs: number; perSecond: number }

/** The same requests to this core and to that of another state of the project, one after the other, again and again. */
export async function benchVersions(
  scope: Scope,
  { before, rounds, seconds }: { before: string | undefined; rounds: number; seconds: number },
): Promise<Row[]> {
  const roots = [...(before === undefined ? [] : [before]), ROOT]
  const cores: Core[] = []
  for (const root of roots) cores.push(await startCore(scope, root))
  for (const core of cores) for (const call of Object.values(core.calls)) await costOf(core, call, 1)
  const costs = new Map<string, Cost[]>()
  const what = (name: string, core: Core) => `${name}: ${core.name}`
  const names = Object.keys(cores[0]?.calls ?? {})
  for (let round = 0; round < rounds; round++)
    for (const name of names)
      for (const core of cores) {
        const key = what(name, core)
        costs.set(key, [...(costs.get(key) ?? []), await costOf(core, core.calls[name]!, seconds)])
      }
  return names.flatMap((name) => {
    const [first] = cores.map((core) => costs.get(what(name, core)) ?? [])
    return cores.map((core, i) => {
      const own = costs.get(what(name, core)) ?? []
      const ratios = own.map(({ cpuUs }, round) => cpuUs / (first?.[round]?.cpuUs ?? Number.NaN))
      return {
        what: what(name, core),
        perSecond: median(own.map(({ perSecond }) => perSecond)),
        cpuMs: median(own.map(({ cpuUs }) => cpuUs)) / 1_000,
        ...(i > 0 && { ratio: median(ratios) }),
      }
    })
  })
}

async function costOf(core: Core, call: Call, seconds: number): Promise<Cost> {
  const startMs = performance.now()
  const before = usageOf([core.pid]).cpuUs
  const endMs = startMs + seconds * 1_000
  let count = 0
  await Promise.all(
    Array.from({ length: CLIENTS }, async () => {
      while (performance.now() < endMs) await call(count++)
    }),
  )
  const perSecond = count / ((performance.now() - startMs) / 1_000)
  await quiet(core)
  return { cpuUs: (usageOf([core.pid]).cpuUs - before) / count, perSecond }
}

/** What answers have left to do, deliveries above all, is part of their cost, and none of the next ones'. */
async function quiet(core: Core): Promise<void> {
  const [stepMs, busyShare, steps] = [250, 0.2, 120]
  for (let step = 0; step < steps; step++) {
    const before = usageOf([core.pid]).cpuUs
    await setTimeout(stepMs)
    if (usageOf([core.pid]).cpuUs - before < stepMs * 1_000 * busyShare) return
  }
}

async function startCore(scope: Scope, root: string): Promise<Core> {
  const { url } = await startPostgres(scope, { durable: true })
  const identityKeys = `bench:${randomBytes(32).toString('base64url')}`
  const env = {
    CORE_PORT: '0',
    CORE_INTERNAL_PORT: '0',
    CORE_ADMIN_PORT: '0',
    DATABASE_URL: url,
    IDENTITY_KEYS: identityKeys,
    JWT_SECRET: randomBytes(32).toString('base64url'),
    BOOTSTRAP_APP: benchApp,
    BOOTSTRAP_CLIENT_KEY: `client-key-${randomBytes(16).toString('base64url')}`,
    BOOTSTRAP_PLATFORM_KEY: `platform-key-${randomBytes(24).toString('base64url')}`,
    LOG_LEVEL: 'info',
  }
  const core = await startService(scope, 'core', env, [], root)
  const db = await openDatabase(url, { poolSize: 1, statementTimeoutMs: 600_000 })
  await addRooms(db, ROOMS)
  await addMessages(db, ROOMS, MESSAGES)
  await addListener(db, 'r1', 'listener')
  await db.close()
  const keys = parseSigningKeys(identityKeys)
  const identityOf = (userId: string) => {
    const named = { kind: 'client', app: benchApp, userId, credentialId: userId } as const
    return signIdentity({ ...named, deviceId: undefined, expiresAtMs: undefined }, keys, Date.now())
  }
  const clients = startChild(scope, 'broadcast-clients.ts', [
    core.url.replace('http', 'ws'),
    `${LISTENERS}`,
    identityOf('listener'),
  ])
  await hear(clients, is('ready'))
  const pool = new Pool(core.url, { connections: CLIENTS })
  scope.teardown(() => pool.close())
  // Signed anew once a second, as gateways do for each credential.
  let signed = { header: identityOf('u'), atMs: Date.now() }
  const ask = async (method: 'GET' | 'POST', path: string, body?: object) => {
    if (Date.now() - signed.atMs > 1_000) signed = { header: identityOf('u'), atMs: Date.now() }
    const answer = await pool.request({
      method,
      path,
      headers: {
        [IDENTITY_HEADER]: signed.header,
        ...(body !== undefined && { 'content-type': 'application/json' }),
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    })
    const text = await answer.body.text()
    if (answer.statusCode !== 200) throw new Error(`${path} answered ${answer.statusCode}: ${text}`)
  }
  const send = (room: number) =>
    ask('POST', `/rooms/r${room}/message`, { message: 'Hello there, as long as a message is.' })
  return {
    name: root === ROOT ? 'now' : `before (${basename(root)})`,
    pid: core.pid,
    calls: {
      'a message, across rooms': (nth) => send(2 + (nth % (ROOMS - 1))),
      [`a message to ${LISTENERS} sockets`]: () => send(1),
      'the first 30 rooms': (nth) => ask('GET', `/rooms?limit=30&skip=${nth % 20}`),
      '50 messages of history': () => ask('GET', `/rooms/r1/messages/v3?limit=50`),
    },
  }
}

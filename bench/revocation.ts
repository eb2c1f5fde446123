import { execFileSync } from 'node:child_process'
import { mkdir, writeFile } from 'node:fs/promises'
import type { Socket } from 'node:net'
import { cpus, loadavg } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import type { Scope } from '../test/support/child-process.ts'
import { type Stack, startStack } from '../test/support/stack.ts'
import { openSignedIn } from './signed-in-socket.ts'

// From the answer to a revocation to the end of the last socket that lived by it, on two gateways and two cores over
// PostgreSQL and Redis, among so many other sockets. A socket may end before the answer comes (the gateway holds it
// back until it has followed the feed); that counts as 0.

const { values } = parseArgs({
  options: {
    sockets: { type: 'string', default: '1000,10000' },
    rounds: { type: 'string', default: '100' },
    results: { type: 'string', default: join(import.meta.dirname, 'results') },
  },
})

const AIM_P99_MS = 250
const SOCKETS_PER_USER = 10
const OPENED_AT_ONCE = 100
const OPENED_WITHIN_MS = 60_000
/** A gateway has two for each of its sockets, beside its own. */
const SPARE_DESCRIPTORS = 500

type Figures = { sockets: number; what: string; samples: number; p50Ms: number; p99Ms: number; maxMs: number }

class Teardown implements Scope {
  readonly #ends: (() => unknown)[] = []
  teardown(end: () => unknown): void {
    this.#ends.unshift(end)
  }
  async run(): Promise<void> {
    for (const end of this.#ends) await end()
  }
}

type User = { id: string; token: string; sockets: OpenSocket[] }
type OpenSocket = { socket: Socket; closedAtMs: number | undefined; closed: Promise<void> }

/** Notes when it ends. */
async function openSocket(url: string, clientKey: string, token: string): Promise<OpenSocket> {
  const socket = await openSignedIn(url, clientKey, token, OPENED_WITHIN_MS)
  const { promise: closed, resolve } = Promise.withResolvers<void>()
  const open: OpenSocket = { socket, closedAtMs: undefined, closed }
  const note = (): void => {
    open.closedAtMs ??= performance.now()
    resolve()
  }
  socket.on('error', note).on('end', note).on('close', note)
  return open
}

async function inBatches<T>(items: readonly T[], each: (item: T) => Promise<unknown>): Promise<void> {
  for (let at = 0; at < items.length; at += OPENED_AT_ONCE)
    await Promise.all(items.slice(at, at + OPENED_AT_ONCE).map(each))
}

async function openUsers(stack: Stack, name: string, count: number, each: number): Promise<User[]> {
  const users: User[] = Array.from({ length: count }, (_, i) => ({
    id: `${name}-${i}`,
    token: `token-of-${name}-${i}`,
    sockets: [],
  }))
  await inBatches(users, ({ id, token }) => stack.platform.ok('POST', '/admin/clients', { _id: id, token }))
  const places = users.flatMap((user) =>
    Array.from({ length: each }, (_, i) => ({ user, url: stack.gateways[i % 2]!.url })),
  )
  await inBatches(places, async ({ user, url }) => {
    user.sockets.push(await openSocket(url, stack.keys.clientKey, user.token))
  })
  return users
}

/** How long after the answer each socket of the user ended, in ms. */
async function revoke(stack: Stack, { id, token, sockets }: User): Promise<number[]> {
  await stack.platform.ok('DELETE', `/admin/clients/${id}/token`, { token })
  const answeredAtMs = performance.now()
  await Promise.all(sockets.map(({ closed }) => closed))
  return sockets.map(({ closedAtMs }) => Math.max(0, (closedAtMs ?? 0) - answeredAtMs))
}

function figures(sockets: number, what: string, samples: readonly number[]): Figures {
  const sorted = [...samples].sort((a, b) => a - b)
  const at = (part: number) => Math.round((sorted[Math.ceil(part * sorted.length) - 1] ?? 0) * 10) / 10
  return { sockets, what, samples: sorted.length, p50Ms: at(0.5), p99Ms: at(0.99), maxMs: at(1) }
}

async function measure(sockets: number, rounds: number): Promise<Figures[]> {
  const teardown = new Teardown()
  try {
    const stack = await startStack(teardown, {
      database: 'postgres',
      redis: true,
      gateways: 2,
      cores: 2,
      gatewayEnv: {
        RATE_LIMIT_CLIENT: '1000000',
        RATE_LIMIT_PLATFORM: '1000000',
        RATE_LIMIT_ADDRESS: '1000000',
        LOG_LEVEL: 'info',
      },
      coreEnv: { LOG_LEVEL: 'info' },
    })
    const users = await openUsers(stack, 'user', sockets / SOCKETS_PER_USER, SOCKETS_PER_USER)
    const last: number[] = []
    for (const user of users.slice(0, Math.min(rounds, users.length / 2)))
      last.push(Math.max(...(await revoke(stack, user))))
    const left = users.flatMap((user) => user.sockets).filter(({ closedAtMs }) => closedAtMs === undefined)
    const expected = sockets - last.length * SOCKETS_PER_USER
    if (left.length !== expected) throw new Error(`${left.length} sockets are left instead of ${expected}`)
    for (const { socket } of left) socket.destroy()
    const [everything] = await openUsers(stack, 'everything', 1, sockets)
    const all = everything === undefined ? [] : await revoke(stack, everything)
    return [
      figures(sockets, `last of ${SOCKETS_PER_USER} sockets of one token`, last),
      figures(sockets, `each of ${sockets} sockets of one token`, all),
    ]
  } finally {
    await teardown.run()
  }
}

const descriptors = Number(execFileSync('/bin/sh', ['-c', 'ulimit -n']).toString())
const results: Figures[] = []
for (const sockets of values.sockets.split(',').map(Number)) {
  if (sockets + SPARE_DESCRIPTORS > descriptors) {
    console.error(
      `${sockets} sockets need more than the ${descriptors} descriptors that a process may have: ulimit -n`,
    )
    process.exitCode = 1
    continue
  }
  results.push(...(await measure(sockets, Number(values.rounds))))
}

console.table(results)
const missed = results.filter(({ p99Ms }) => p99Ms > AIM_P99_MS)
console.log(
  missed.length === 0
    ? `p99 is within ${AIM_P99_MS} ms everywhere`
    : `p99 is above ${AIM_P99_MS} ms in ${missed.length} lines`,
)
const report = {
  date: new Date().toISOString(),
  node: process.version,
  machine: `${cpus().length} × ${cpus()[0]?.model}`,
  load: loadavg().map((load) => Math.round(load * 10) / 10),
  aimP99Ms: AIM_P99_MS,
  results,
}
await mkdir(values.results, { recursive: true })
await writeFile(join(values.results, 'revocation.json'), `${JSON.stringify(report, null, 2)}\n`)

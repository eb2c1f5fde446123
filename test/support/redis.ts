import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type GuardedProcess, type Scope, startGuarded } from './child-process.ts'
import { onFreePort } from './free-port.ts'

export type TestRedis = {
  url: string
  port: number
  pid: number
  /** Stops answering without closing a connection: the network partition as a client sees it. */
  pause(): void
  resume(): void
  stop(): Promise<void>
  /** After `stop`: another one on the same port, empty. */
  start(): Promise<void>
}

/** A Redis of this test's own, empty, without persistence. */
export async function startRedis(t: Scope): Promise<TestRedis> {
  let { server, port } = await onFreePort(async (port) => ({ server: await launch(port), port }))
  t.teardown(() => server.stop())
  return {
    url: `redis://127.0.0.1:${port}`,
    port,
    get pid() {
      return server.pid
    },
    pause: () => server.signal('SIGSTOP'),
    resume: () => server.signal('SIGCONT'),
    stop: () => server.stop(),
    async start() {
      server = await launch(port)
    },
  }
}

async function launch(port: number): Promise<GuardedProcess> {
  const directory = await mkdtemp(join(tmpdir(), 'imkit-redis-'))
  const settings = [
    '--port',
    `${port}`,
    '--bind',
    '127.0.0.1',
    '--save',
    '',
    '--appendonly',
    'no',
    '--dir',
    directory,
  ]
  const server = await startGuarded('redis-server', settings, {
    stopSignal: 'KILL',
    removeDirectory: directory,
  })
  await server.waitForLine((line) => (line.includes('Ready to accept connections') ? true : undefined))
  return server
}

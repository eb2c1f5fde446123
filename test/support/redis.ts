import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type GuardedProcess, type Scope, startGuarded } from './child-process.ts'
import { freePort, onFreePort } from './free-port.ts'

export type TestRedis = {
  url: string
  port: number
  /** By which the nodes of a cluster find each other. */
  busPort: number | undefined
  pid: number
  /** Stops answering without closing a connection: the network partition as a client sees it. */
  pause(): void
  resume(): void
  stop(): Promise<void>
  /** After `stop`: another one on the same port, empty. */
  start(): Promise<void>
}

/** A Redis of this test's own, empty, without persistence. */
export async function startRedis(t: Scope, { cluster = false } = {}): Promise<TestRedis> {
  const busPort = cluster ? await freePort() : undefined
  let { server, port } = await onFreePort(async (port) => ({ server: await launch(port, busPort), port }))
  t.teardown(() => server.stop())
  return {
    url: `redis://127.0.0.1:${port}`,
    port,
    busPort,
    get pid() {
      return server.pid
    },
    pause: () => server.signal('SIGSTOP'),
    resume: () => server.signal('SIGCONT'),
    stop: () => server.stop(),
    async start() {
      server = await launch(port, busPort)
    },
  }
}

async function launch(port: number, busPort: number | undefined): Promise<GuardedProcess> {
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
    ...(busPort === undefined ? [] : ['--cluster-enabled', 'yes', '--cluster-port', `${busPort}`]),
  ]
  const server = await startGuarded('redis-server', settings, {
    stopSignal: 'KILL',
    removeDirectory: directory,
  })
  await server.waitForLine((line) => (line.includes('Ready to accept connections') ? true : undefined))
  return server
}

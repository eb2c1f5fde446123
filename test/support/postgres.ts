import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { chown, mkdtemp, readdir, readFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import pg from 'pg'
import { type Scope, startGuarded } from './child-process.ts'
import { onFreePort } from './free-port.ts'

export type TestPostgres = {
  /** A fresh, empty database. */
  url: string
  /** Shared server: drops the database. Dedicated: stops the server at once, as a crash would; the data stays. */
  stop(): Promise<void>
  /** Dedicated only: starts it again on the same port with the same data. */
  start(): Promise<void>
  /** Dedicated only: the server hangs, its connections stay open. */
  pause(): void
  resume(): void
}

export type PostgresOptions = {
  /** A server for this test alone, that can be stopped and started. */
  dedicated?: boolean
  /** fsync and synchronous commit as in production; implies dedicated. */
  durable?: boolean
}

type Server = {
  url(database: string): string
  pid(): number
  start(): Promise<void>
  stop(): Promise<void>
  remove(): Promise<void>
}

const OLDEST_MAJOR = 15
const BINARIES = '/usr/lib/postgresql'
const run = promisify(execFile)

let shared: Promise<Server> | undefined
let databases = 0

/** A real PostgreSQL: one server for the test process, a fresh database per call. */
export async function startPostgres(t: Scope, options: PostgresOptions = {}): Promise<TestPostgres> {
  const dedicated = Boolean(options.dedicated || options.durable)
  if (!dedicated) shared ??= startServer(false)
  const server = dedicated ? await startServer(Boolean(options.durable)) : await shared!
  const name = `test_${++databases}`
  await administer(server, `create database ${name}`)
  const drop = () => administer(server, `drop database if exists ${name} with (force)`)
  // A database of the shared server goes with the server, at the end of the process: dropping it here would break
  // connections that a test is still closing.
  if (dedicated) t.teardown(() => server.remove())
  const dedicatedOnly = (): Server => {
    if (!dedicated) throw new Error('the shared PostgreSQL belongs to every test: ask for a dedicated one')
    return server
  }
  return {
    url: server.url(name),
    stop: () => (dedicated ? server.stop() : drop()),
    start: () => dedicatedOnly().start(),
    pause: () => signalTree(dedicatedOnly().pid(), 'SIGSTOP'),
    resume: () => signalTree(dedicatedOnly().pid(), 'SIGCONT'),
  }
}

/** The newest PostgreSQL server binaries that are installed and new enough. */
export async function findPostgresBinaries(): Promise<string | undefined> {
  const majors = await readdir(BINARIES).catch(() => [] as string[])
  for (const major of majors.map(Number).sort((a, b) => b - a)) {
    const binaries = join(BINARIES, `${major}`, 'bin')
    const present = await readdir(binaries).catch(() => [] as string[])
    if (major >= OLDEST_MAJOR && present.includes('initdb')) return binaries
  }
  return undefined
}

async function startServer(durable: boolean): Promise<Server> {
  const binaries = await findPostgresBinaries()
  if (!binaries) throw new Error(`no PostgreSQL ${OLDEST_MAJOR} or newer in ${BINARIES}`)
  const user = await serverUser()
  const directory = await mkdtemp(join(tmpdir(), 'imkit-postgres-'))
  if (user) await chown(directory, user.uid, user.gid)
  // The data survives a stop, so the directory goes with a guard of its own, whose command only waits.
  const keeper = await startGuarded('sleep', ['infinity'], {
    user,
    removeDirectory: directory,
    stopSignal: 'KILL',
  })
  const dataDirectory = join(directory, 'data')
  await run(
    join(binaries, 'initdb'),
    ['-D', dataDirectory, '-U', 'postgres', '-A', 'trust', '-E', 'UTF8', '--locale', 'C.UTF-8', '--no-sync'],
    { cwd: directory, ...user },
  )
  const speed = durable ? [] : ['fsync=off', 'synchronous_commit=off', 'full_page_writes=off']
  const launch = async (port: number) => {
    const settings = [
      'listen_addresses=127.0.0.1',
      `unix_socket_directories=${directory}`,
      'max_connections=200',
      ...speed,
    ]
    const server = await startGuarded(
      join(binaries, 'postgres'),
      ['-D', dataDirectory, '-p', `${port}`, ...settings.flatMap((setting) => ['-c', setting])],
      { cwd: directory, user, stopSignal: 'QUIT' },
    )
    await server.waitForLine((line) => (line.includes('ready to accept connections') ? true : undefined))
    return server
  }
  let { port, running } = await onFreePort(async (port) => ({ port, running: await launch(port) }))
  return {
    url: (database) => `postgres://postgres@127.0.0.1:${port}/${database}`,
    pid: () => running.pid,
    async start() {
      running = await launch(port)
    },
    async stop() {
      signalTree(running.pid, 'SIGCONT')
      await running.stop()
    },
    async remove() {
      await running.stop()
      await keeper.stop()
    },
  }
}

/** PostgreSQL refuses to run as root; Debian's package brings a user for it. */
async function serverUser(): Promise<{ uid: number; gid: number } | undefined> {
  if (process.getuid?.() !== 0) return undefined
  const passwd = await readFile('/etc/passwd', 'utf8')
  const fields = passwd
    .split('\n')
    .find((line) => line.startsWith('postgres:'))
    ?.split(':')
  if (!fields) throw new Error('running as root, and there is no user postgres to run the server as')
  return { uid: Number(fields[2]), gid: Number(fields[3]) }
}

async function administer(server: Server, statement: string): Promise<void> {
  const client = new pg.Client({ connectionString: server.url('postgres') })
  await client.connect()
  try {
    await client.query(statement)
  } finally {
    await client.end()
  }
}

// Backends sit in sessions of their own, so that a signal to the postmaster's group would miss them.
function signalTree(postmaster: number, signal: NodeJS.Signals): void {
  for (const pid of [postmaster, ...childrenOf(postmaster)]) {
    try {
      process.kill(pid, signal)
    } catch {
      // It ended since it was listed.
    }
  }
}

function childrenOf(pid: number): number[] {
  try {
    const text = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8')
    return text.split(' ').filter(Boolean).map(Number)
  } catch {
    return []
  }
}

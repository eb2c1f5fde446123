/** One run: stand, users, nemesis, quiet, and what the checker says of it. */
import { randomUUID } from 'node:crypto'
import type { Scope } from '../support/child-process.ts'
import { eventually } from '../support/eventually.ts'
import { createAdministrator } from './administrator.ts'
import { boundsOf } from './bounds.ts'
import { ask, wait } from './caller.ts'
import { check, type Violation } from './checker.ts'
import type { ClientCounts, Recorder } from './client.ts'
import type { FaultKind } from './faults.ts'
import type { FinalRoom, History, SeenMessage } from './history.ts'
import { createNemesis, type Struck } from './nemesis.ts'
import { createRandom } from './random.ts'
import { type ChaosDatabase, startChaosStand } from './stand.ts'
import { startUser } from './user.ts'
import { startWebhookReceiver } from './webhook-receiver.ts'

export type ChaosOptions = {
  seed: number
  /** Of the faults; what comes before and after them is not counted. */
  durationMs: number
  database: ChaosDatabase
  /** Which, where not all; each once, where `once`. */
  kinds?: readonly FaultKind[]
  once?: boolean
  users: number
  faultMs: { least: number; most: number }
  /** Between a recovery and the next fault. */
  calmMs: { least: number; most: number }
  /** Of the strikes, how many are two faults at once. */
  pairShare: number
  thinkMs: { least: number; most: number }
  timeoutMs: number
  /** For what is left to do when all is mended. */
  quietMs: number
  /** A core that is killed leaves its rooms' webhooks to the others when its lease of ten seconds is over. */
  webhooksWithinMs: number
  tell?: (line: string) => void
  /** What clients, or the cores' webhooks, meet instead of the given address. */
  before?: (what: 'gateway' | 'webhooks', url: string) => Promise<string>
}

export type ChaosReport = {
  violations: Violation[]
  history: History
  struck: Struck[]
  users: ClientCounts
  /** Rooms that had moved unnoticed, of all users, when each asked once more at the end. */
  movedUnnoticed: number
  /** Services that ended by themselves, each time. */
  failed: readonly string[]
  /** Lines that the services wrote at level error or above. */
  errorLines: string[]
}

/** Beyond its bound. */
const TRIED_FURTHER_MS = 4_000
const PROBE_ROOM = 'probes'
const PROBE_USER = 'prober'

export async function runChaos(t: Scope, options: ChaosOptions): Promise<ChaosReport> {
  process.off('exit', exitAtOnce).once('exit', exitAtOnce)
  const { seed, durationMs, kinds, faultMs, calmMs, pairShare, thinkMs, timeoutMs, quietMs } = options
  const { once = false, tell = () => {}, before = async (_what, url) => url } = options
  const random = createRandom(seed)
  const recorder: Recorder = { operations: [], sightings: [] }
  const receiver = await startWebhookReceiver(t, random.branch('webhooks'))
  const stand = await startChaosStand(t, await before('webhooks', receiver.url), options.database)
  const { stack } = stand
  const entrances = await Promise.all(stand.entrances.map((url) => before('gateway', url)))
  const { clientKey, platformKey } = stack.keys
  const administrator = createAdministrator({
    entrances,
    platformKey,
    clientKey,
    random: random.branch('administrator'),
    operations: recorder.operations,
    triedUntilMs: (answeredAtMs) =>
      answeredAtMs + boundsOf(answeredAtMs, nemesis.aways()).requestMs + TRIED_FURTHER_MS,
    timeoutMs,
  })

  const ids = Array.from({ length: options.users }, (_, index) => `user-${index}`)
  const rooms = roomsFor(ids)
  const credentials = new Map(
    await Promise.all(ids.map(async (id) => [id, await administrator.issue(id)] as const)),
  )
  await administrator.issue(PROBE_USER)
  for (const [room, members] of rooms) await administrator.createRoom(room, members)
  await administrator.createRoom(PROBE_ROOM, [PROBE_USER])

  const users = ids.map((id) => {
    const [mine, foreign] = [true, false].map((wanted) =>
      [...rooms].filter(([, members]) => members.includes(id) === wanted).map(([room]) => room),
    )
    const user = startUser({
      id,
      credential: credentials.get(id)!,
      rooms: mine!,
      foreignRooms: foreign!,
      entrances,
      clientKey,
      administrator,
      random: random.branch(id),
      recorder,
      timeoutMs,
      thinkMs,
    })
    t.teardown(() => user.close())
    return user
  })

  const probe = async (entrance: string): Promise<void> => {
    const headers = { 'IM-API-KEY': platformKey, 'IM-Client-ID': PROBE_USER }
    const path = `/rooms/${PROBE_ROOM}/message`
    for (;;) {
      const body = { messageType: 'text', message: 'probe', clientMessageID: randomUUID() }
      const answer = await ask(entrance, headers, { method: 'POST', path, body, timeoutMs: 2_000 })
      if (answer.outcome === 'acknowledged') return
      await wait(50)
    }
  }
  const recovered = async () => void (await Promise.all(entrances.map(probe)))

  const nemesis = createNemesis({
    kinds,
    stand,
    users,
    administrator,
    random: random.branch('nemesis'),
    faultMs,
    calmMs,
    pairShare,
    recovered,
    tell,
  })
  await recovered()
  await nemesis.run(Date.now() + durationMs, once)

  const deadlineMs = Date.now() + quietMs
  await Promise.all(users.map((user) => user.finish(deadlineMs)))
  tell('quiet')
  await administrator.settled()
  const moved = await Promise.all(users.map((user) => user.synchronise()))
  const final: Record<string, FinalRoom> = {}
  for (const [room, members] of rooms) final[room] = await administrator.readRoom(room, members)
  tell('waiting for webhooks')
  await webhooksSettled(final, receiver.calls, options.webhooksWithinMs)
  tell('checking')
  const views: Record<string, Record<string, SeenMessage[]>> = {}
  for (const user of users) views[user.id] = user.view()
  for (const user of users) user.close()

  const history: History = {
    ...recorder,
    views,
    revocations: administrator.revocations.map((revocation) => ({
      ...revocation,
      ...boundsOf(revocation.answeredAtMs, nemesis.aways()),
    })),
    webhooks: receiver.calls,
    final,
  }
  return {
    violations: check(history),
    history,
    struck: nemesis.struck,
    users: sumOf(users.map((user) => user.counts)),
    movedUnnoticed: moved.reduce((sum, count) => sum + count, 0),
    failed: stand.failed,
    errorLines: stack
      .logs()
      .split('\n')
      .filter((line) => /"level":[56]0/.test(line)),
  }
}

/** One room for all, the others for some, so that everybody is outside of something. */
function roomsFor(ids: readonly string[]): Map<string, string[]> {
  const half = Math.ceil(ids.length / 2)
  return new Map([
    ['room-all', [...ids]],
    ['room-first', ids.slice(0, half)],
    ['room-second', ids.slice(half)],
    ['room-mixed', ids.filter((_, index) => index % 3 !== 0)],
  ])
}

/** The checker says what is missing; this only gives it time. */
async function webhooksSettled(
  final: Readonly<Record<string, FinalRoom>>,
  calls: readonly { messageId: string; accepted: boolean }[],
  limitMs: number,
): Promise<void> {
  const wanted = Object.values(final).flatMap(({ messages }) => messages.map(({ id }) => id))
  const all = () => {
    const told = new Set(calls.filter(({ accepted }) => accepted).map(({ messageId }) => messageId))
    return wanted.every((id) => told.has(id))
  }
  await eventually('every message is told to the webhook', all, limitMs).catch(() => {})
}

function sumOf(counts: readonly ClientCounts[]): ClientCounts {
  const sum = { catchUps: 0, resets: 0, connections: 0, repeats: 0 }
  for (const one of counts)
    for (const name of Object.keys(sum) as (keyof typeof sum)[]) sum[name] += one[name]
  return sum
}

/**
 * Left to itself Node sometimes never ends after this: it turns in closing handles of its own (`CleanupHandles`), with
 * all of ours closed. `process.exit` does not close them. The last listener, so that all others have had their turn.
 */
const exitAtOnce = (): never => process.exit()

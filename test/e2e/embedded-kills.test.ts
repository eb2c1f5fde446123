import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { createAdministrator } from '../chaos/administrator.ts'
import { ask, wait } from '../chaos/caller.ts'
import { check } from '../chaos/checker.ts'
import type { Operation } from '../chaos/history.ts'
import { createRandom } from '../chaos/random.ts'
import { freePort } from '../support/free-port.ts'
import { startStack } from '../support/stack.ts'

const ROUNDS = 6
const WRITERS = 4
const SEED = 5
const ROOM = 'room'
const USER = 'writer'
const TIMEOUT_MS = 5_000

t.setTimeout(150_000)

t.test(`what the embedded database acknowledged survives ${ROUNDS} kills under writes`, async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'imkit-kills-'))
  t.teardown(() => rm(directory, { recursive: true, force: true }))
  const random = createRandom(SEED)
  const stack = await startStack(t, { gateways: 0, cores: 0 })
  const ports = { CORE_PORT: `${await freePort()}`, CORE_INTERNAL_PORT: `${await freePort()}` }
  const start = () => stack.addCore({ ...ports, DATABASE_URL: `pglite:${directory}`, LOG_LEVEL: 'info' })
  let core = await start()
  const gateway = await stack.addGateway()
  const headers = { 'IM-API-KEY': stack.keys.platformKey, 'IM-Client-ID': USER }
  const operations: Operation[] = []
  const administrator = createAdministrator({
    entrances: [gateway.url],
    ...stack.keys,
    random,
    operations,
    triedUntilMs: () => 0,
    timeoutMs: TIMEOUT_MS,
  })
  await administrator.issue(USER)
  await administrator.createRoom(ROOM, [USER])

  let written = 0
  /** Repeats each message until it is acknowledged, through the kill that hit it. */
  async function write(goesOn: () => boolean): Promise<void> {
    while (goesOn()) {
      const key = `m${++written}`
      for (let outcome = 'unknown'; outcome !== 'acknowledged'; ) {
        const startedAtMs = Date.now()
        const answer = await ask(gateway.url, headers, {
          method: 'POST',
          path: `/rooms/${ROOM}/message`,
          body: { messageType: 'text', message: key, clientMessageID: key },
          timeoutMs: TIMEOUT_MS,
        })
        outcome = answer.outcome
        operations.push({
          kind: 'send',
          room: ROOM,
          key,
          text: key,
          user: USER,
          credential: 'platform',
          startedAtMs,
          endedAtMs: Date.now(),
          outcome: answer.outcome,
          ...(outcome === 'acknowledged' && {
            messageId: String(answer.result._id),
            seq: Number(answer.result.seq),
          }),
        })
        if (outcome !== 'acknowledged') await wait(50)
      }
    }
  }

  let isOver = false
  const writing = Promise.all(Array.from({ length: WRITERS }, () => write(() => !isOver)))
  for (let round = 0; round < ROUNDS; round++) {
    const before = written
    while (written < before + WRITERS) await wait(10)
    await wait(random.between(0, 150))
    core.signal('SIGKILL')
    await core.ended
    core = await start()
  }
  isOver = true
  await writing

  const final = { [ROOM]: await administrator.readRoom(ROOM, [USER]) }
  const history = {
    operations,
    sightings: [],
    views: {},
    revocations: [],
    webhooks: [],
    final,
  }
  const violations = check(history).filter(({ guarantee }) =>
    ['acknowledged-once', 'dense-order', 'changes-kept', 'unread'].includes(guarantee),
  )
  t.same(violations, [])
  t.equal(final[ROOM]?.messages.length, written)
  const repeated = operations.filter(({ outcome }) => outcome === 'unknown').length
  t.ok(repeated >= ROUNDS, 'the kills hit writes that were under way')
  t.comment(`${written} messages, ${repeated} attempts without an answer`)
})

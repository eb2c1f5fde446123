import t from 'tap'
import { asList, asObject } from '../support/api-client.ts'
import { runChaos } from './chaos.ts'
import type { Guarantee } from './checker.ts'
import { type Answered, type Asked, type Spoil, startSpoiler } from './spoiler.ts'

// checker.test.ts breaks histories; here a whole product breaks each of its promises, as clients and customers see it.

const EVERY = 5
const STRANGER = 'user-0'
const ROOM_OF_OTHERS = 'room-second'
const INVENTED = {
  _id: 'invented',
  seq: 1,
  evSeq: 0,
  sender: { _id: STRANGER },
  messageType: 'text',
  message: '?',
}

type Rule = { method: string; path: RegExp; spoil: Spoil }

const done = (result: Answered['result']): Answered => ({ status: 200, result })
const altered = async (server: () => Promise<Answered>, alter: (result: Answered['result']) => object) => {
  const { status, result } = await server()
  return { status, result: { ...result, ...alter(result) } }
}
let sends = 0
const swallowedSend: Spoil = async () =>
  ++sends % EVERY === 0 ? done({ _id: `swallowed-${sends}`, seq: sends, evSeq: 0 }) : undefined
const swallowedChange: Spoil = async () => done({ evSeq: 1_000_000 })
const RULES: Rule[] = [
  {
    method: 'POST',
    path: /^\/rooms\/room-[^/]+\/message$/,
    spoil: (asked, server) => (asked.body._id === undefined ? swallowedSend : swallowedChange)(asked, server),
  },
  {
    method: 'GET',
    path: /^\/rooms\/[^/]+\/events/,
    spoil: (_asked, server) => altered(server, () => ({ messages: [INVENTED], events: [] })),
  },
  {
    method: 'GET',
    path: /^\/rooms\/room-all\/messages\?/,
    spoil: (_asked, server) =>
      altered(server, ({ data }) => ({ data: asList(data).filter(({ seq }) => Number(seq) % EVERY > 0) })),
  },
  {
    method: 'GET',
    path: /^\/rooms\/[^/]+$/,
    spoil: (_asked, server) => altered(server, ({ unread }) => ({ unread: Number(unread) + 1 })),
  },
  {
    method: 'POST',
    path: /^\/rooms$/,
    spoil: async ({ body }, server) =>
      body._id === ROOM_OF_OTHERS
        ? server({ ...body, members: [...(body.members as string[]), STRANGER] })
        : undefined,
  },
  { method: 'DELETE', path: /^\/admin\/clients\/[^/]+\/token$/, spoil: async () => done({}) },
]

/** What each of them comes to. */
const FOUND: Record<Guarantee, RegExp> = {
  'acknowledged-once': /\(swallowed-\d+\) is there 0 times/,
  'changes-kept': /a change at 1000000 was acknowledged/,
  'dense-order': /^room-all: place 5 has seq 6/,
  'nothing-uncommitted': /saw invented of/,
  'own-rooms-only': /^user-0 saw \S+ of room-second/,
  'revoked-ends': /was admitted \d+ ms after its revocation/,
  'same-view': /"invented"/,
  unread: /in room-second: \d+ unread/,
  webhooks: /^room-\w+: message 5 .* was not told/,
}

const brokenGateway: Spoil = async (asked: Asked, server) =>
  RULES.find(({ method, path }) => method === asked.method && path.test(asked.path))?.spoil(asked, server)
const brokenWebhooks: Spoil = async ({ body }) =>
  Number(asObject(body.data).seq) === EVERY ? done({}) : undefined

t.setTimeout(150_000)

t.test('a product that breaks its promises is found out, each time', async (t) => {
  const { violations } = await runChaos(t, {
    seed: 1,
    database: 'embedded',
    durationMs: 1_000,
    kinds: ['revoke a credential'],
    once: true,
    users: 5,
    faultMs: { least: 6_000, most: 6_000 },
    calmMs: { least: 0, most: 0 },
    pairShare: 0,
    thinkMs: { least: 50, most: 200 },
    timeoutMs: 4_000,
    quietMs: 15_000,
    webhooksWithinMs: 2_000,
    before: (what, url) => startSpoiler(t, url, what === 'gateway' ? brokenGateway : brokenWebhooks),
  })
  for (const [guarantee, detail] of Object.entries(FOUND))
    t.ok(
      violations.some((found) => found.guarantee === guarantee && detail.test(found.detail)),
      guarantee,
    )
})

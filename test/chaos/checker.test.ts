import t from 'tap'
import { check, type Guarantee } from './checker.ts'
import type { History, Operation, StoredMessage, WebhookCall } from './history.ts'

// A small history in which everything holds; each test breaks one thing in it.

const bounds = { requestMs: 1_000, socketMs: 2_000 }
const asked = (user: string, startedAtMs: number) => ({
  user,
  credential: `${user}#1`,
  startedAtMs,
  endedAtMs: startedAtMs + 10,
  outcome: 'acknowledged' as const,
})
const sent = (user: string, key: string, seq: number, atMs: number): Operation => ({
  ...asked(user, atMs),
  kind: 'send',
  room: 'room',
  key,
  text: `${key} posted`,
  messageId: `m${seq}`,
  seq,
})
const message = (seq: number, sender: string, key: string): StoredMessage => ({
  id: `m${seq}`,
  seq,
  evSeq: 0,
  sender,
  messageType: 'text',
  text: `${key} posted`,
  clientMessageId: key,
})
const told = (seq: number): WebhookCall => ({
  room: 'room',
  eventId: `e${seq}`,
  messageId: `m${seq}`,
  accepted: true,
  atMs: seq,
})

type Mutable<T> = T extends object ? { -readonly [K in keyof T]: Mutable<T[K]> } : T

/** Ann posts 1 and 3, Bob 2 and 4; 2 is edited, 3 recalled; Ann has read up to 4, Bob's own message is the last. */
function soundHistory(): Mutable<History> {
  const messages = [
    message(1, 'ann', 'a1'),
    { ...message(2, 'bob', 'b1'), text: 'b1 edited', evSeq: 1 },
    { ...message(3, 'ann', 'a2'), text: '', messageType: 'recall', evSeq: 2, clientMessageId: undefined },
    message(4, 'bob', 'b2'),
  ]
  const view = () => messages.map(({ clientMessageId: _, ...seen }) => ({ ...seen }))
  const operations: Operation[] = [
    sent('ann', 'a1', 1, 100),
    { ...asked('bob', 150), kind: 'send', room: 'room', key: 'b1', text: 'b1 posted', outcome: 'unknown' },
    sent('bob', 'b1', 2, 200),
    sent('ann', 'a2', 3, 300),
    sent('bob', 'b2', 4, 400),
    { ...asked('bob', 500), kind: 'edit', room: 'room', messageId: 'm2', text: 'b1 edited', evSeq: 1 },
    { ...asked('ann', 600), kind: 'recall', room: 'room', messageId: 'm3', evSeq: 2 },
    { ...asked('ann', 700), kind: 'mark-read', room: 'room', messageId: 'm2' },
    { ...asked('eve', 700), kind: 'ask', what: 'read', outcome: 'refused' },
    { ...asked('ann', 1_500), kind: 'ask', what: 'revoked' },
    { ...asked('ann', 3_000), kind: 'ask', what: 'revoked', outcome: 'refused' },
  ]
  return {
    operations,
    sightings: [
      { user: 'ann', credential: 'ann#1', via: 'socket', room: 'room', messageId: 'm2', atMs: 210 },
      { user: 'bob', credential: 'bob#1', via: 'http', room: 'room', messageId: 'm1', atMs: 220 },
    ],
    views: { ann: { room: view() }, bob: { room: view() } },
    revocations: [{ credential: 'ann#1', answeredAtMs: 1_000 }],
    bounds,
    webhooks: [told(1), { ...told(2), accepted: false }, told(2), told(3), told(1), told(4)],
    final: {
      room: {
        members: ['ann', 'bob'],
        messages,
        reading: { ann: { unread: 1, lastRead: 'm3' }, bob: { unread: 0, lastRead: 'm4' } },
      },
    },
  }
}

const broken = (spoil: (history: Mutable<History>) => void): Guarantee[] => {
  const history = soundHistory()
  spoil(history)
  return [...new Set(check(history).map(({ guarantee }) => guarantee))]
}
const room = (history: Mutable<History>) => history.final.room!
/** Removed at the end for everybody, so that nothing but the loss itself is wrong. */
const dropLast = (history: Mutable<History>) => {
  room(history).messages.pop()
  for (const views of Object.values(history.views)) views.room!.pop()
  history.webhooks.pop()
  room(history).reading = { ann: { unread: 0, lastRead: 'm3' }, bob: { unread: 1, lastRead: 'm2' } }
}

t.test('a sound history breaks nothing', async (t) => {
  t.same(check(soundHistory()), [])
})

t.test(
  'an acknowledged message that is lost, there twice, or answered with another place is found',
  async (t) => {
    t.same(broken(dropLast), ['acknowledged-once'])
    t.ok(
      broken(({ operations }) => operations.push({ ...sent('bob', 'b2', 9, 450) })).includes(
        'acknowledged-once',
      ),
    )
    const twice = broken((history) => {
      const copy = { ...message(5, 'bob', 'b2') }
      room(history).messages.push(copy)
      for (const views of Object.values(history.views)) views.room!.push(copy)
      history.webhooks.push(told(5))
      room(history).reading = { ann: { unread: 2, lastRead: 'm3' }, bob: { unread: 0, lastRead: 'm5' } }
    })
    t.same(twice, ['acknowledged-once'])
  },
)

t.test('a repeat of which nobody knows what became of it may be there once, and not twice', async (t) => {
  const unknown = (history: Mutable<History>) => {
    history.operations[4] = {
      ...asked('bob', 400),
      kind: 'send',
      room: 'room',
      key: 'b2',
      text: 'b2 posted',
      outcome: 'unknown',
    }
  }
  t.same(broken(unknown), [])
})

t.test('a gap in seq, or a list out of order, is found', async (t) => {
  const gap = broken((history) => {
    room(history).messages[3]!.seq = 5
    for (const views of Object.values(history.views)) views.room![3]!.seq = 5
  })
  t.ok(gap.includes('dense-order'))
  t.ok(broken((history) => room(history).messages.reverse()).includes('dense-order'))
})

t.test('a user who misses a message, an edit or a recall, or has another order, is found', async (t) => {
  t.same(
    broken(({ views }) => views.ann!.room!.pop()),
    ['same-view'],
  )
  t.same(
    broken(({ views }) => views.ann!.room!.reverse()),
    ['same-view'],
  )
  t.same(
    broken(({ views }) => Object.assign(views.bob!.room![1]!, { text: 'b1 posted', evSeq: 0 })),
    ['same-view'],
  )
  t.same(
    broken(({ views }) => Object.assign(views.bob!.room![2]!, { messageType: 'text' })),
    ['same-view'],
  )
})

t.test('an unread count that is not last minus read, or a mark that went back, is found', async (t) => {
  t.same(
    broken((history) => Object.assign(room(history).reading.ann!, { unread: 2 })),
    ['unread'],
  )
  t.same(
    broken((history) => {
      room(history).reading.bob = { unread: 2, lastRead: 'm2' }
    }),
    ['unread'],
  )
})

t.test('an acknowledged edit or recall that is not in the final state is found', async (t) => {
  const everywhere = (history: Mutable<History>, at: number, fields: object) => {
    Object.assign(room(history).messages[at]!, fields)
    for (const views of Object.values(history.views)) Object.assign(views.room![at]!, fields)
  }
  t.same(
    broken((history) => everywhere(history, 1, { text: 'b1 posted' })),
    ['changes-kept'],
  )
  t.same(
    broken((history) => everywhere(history, 1, { evSeq: 0 })),
    ['changes-kept'],
  )
  t.ok(
    broken((history) => {
      everywhere(history, 2, { text: 'a2 posted', messageType: 'text' })
      room(history).messages[2]!.clientMessageId = 'a2'
    }).includes('changes-kept'),
  )
  t.same(
    broken((history) => {
      everywhere(history, 1, { text: 'late' })
      const late = { kind: 'edit', room: 'room', messageId: 'm2', text: 'late' } as const
      history.operations.push({ ...asked('bob', 450), ...late, outcome: 'unknown' })
    }),
    [],
    'an edit of unknown outcome may be done late',
  )
})

t.test('a request or a socket that lives on after its credential is found', async (t) => {
  t.same(
    broken(({ operations }) => operations.push({ ...asked('ann', 2_500), kind: 'ask', what: 'revoked' })),
    ['revoked-ends'],
  )
  t.same(
    broken(({ sightings }) => sightings.push({ ...sightings[0]!, atMs: 3_500 })),
    ['revoked-ends'],
  )
})

t.test('a user who sees what is of a room of others is found', async (t) => {
  t.same(
    broken(({ sightings }) => sightings.push({ ...sightings[0]!, user: 'eve', credential: 'eve#1' })),
    ['own-rooms-only'],
  )
})

t.test('a message that was told and never stored is found', async (t) => {
  t.same(
    broken(({ sightings }) => sightings.push({ ...sightings[1]!, messageId: 'm9' })),
    ['nothing-uncommitted'],
  )
})

t.test('a webhook event that is missing, or overtaken by a later one of its room, is found', async (t) => {
  t.same(
    broken(({ webhooks }) => webhooks.pop()),
    ['webhooks'],
  )
  t.same(
    broken((history) => {
      history.webhooks = [told(1), told(3), told(2), told(4)]
    }),
    ['webhooks'],
  )
})

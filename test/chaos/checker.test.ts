import t from 'tap'
import { check } from './checker.ts'
import type { History, Operation } from './history.ts'
import {
  asked,
  broken,
  dropLast,
  type Mutable,
  postTwice,
  room,
  sent,
  soundHistory,
  told,
} from './sound-history.ts'

t.test('a sound history breaks nothing', async (t) => {
  t.same(check(soundHistory()), [])
})

t.test(
  'an acknowledged message that is lost, there twice, or answered with another place is found',
  async (t) => {
    t.same(broken(dropLast), ['acknowledged-once'])
    const elsewhere: Partial<Operation>[] = [{ messageId: 'm9' }, { seq: 9 }]
    for (const given of elsewhere) {
      t.same(
        broken(({ operations }) => operations.push({ ...sent('bob', 'b2', 4, 450), ...given } as Operation)),
        ['acknowledged-once'],
        'answered in two ways',
      )
      t.same(
        broken(({ operations }) => Object.assign(operations[4]!, given)),
        ['acknowledged-once'],
        'answered with what is not so',
      )
    }
    t.same(broken(postTwice), ['acknowledged-once'])
  },
)

t.test('a message that nobody sent, or that is under the name of another, is found', async (t) => {
  const found = ['acknowledged-once']
  t.same(
    broken((history) => {
      room(history).messages[3]!.clientMessageId = 'b3'
    }),
    [...found, 'changes-kept'],
    'nobody wrote its text either',
  )
  t.same(
    broken(({ operations }) => operations.splice(3, 1)),
    found,
    'what is recalled has no client message id: its id tells',
  )
  t.same(
    broken((history) => {
      for (const seen of [room(history).messages, ...Object.values(history.views).map((one) => one.room!)])
        seen[2]!.sender = 'bob'
    }),
    found,
  )
})

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
  t.same(
    broken((history) => {
      unknown(history)
      postTwice(history)
    }),
    ['acknowledged-once'],
  )
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
    broken(({ views }) => views.ann!.room!.push(views.ann!.room![3]!)),
    ['same-view'],
    'one that is shown twice',
  )
  t.same(
    broken(({ views }) => delete views.bob!.room),
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
    'before a message of its own',
  )
  t.same(
    broken(({ operations }) =>
      operations.push({ ...asked('ann', 800), kind: 'mark-read', room: 'room', messageId: 'm4' }),
    ),
    ['unread'],
    'before a mark that was acknowledged',
  )
  t.same(
    broken((history) => {
      room(history).reading.ann = { unread: 1, lastRead: 'm9' }
    }),
    ['unread'],
    'at a message that is not there',
  )
  t.same(
    broken((history) => {
      room(history).members.push('eve')
      history.views.eve = history.views.ann!
      room(history).reading.eve = { unread: 4, lastRead: 'm9' }
    }),
    ['unread'],
    'and nowhere before',
  )
  t.same(
    broken((history) => delete room(history).reading.bob),
    ['unread'],
    'none at all',
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
    broken((history) => everywhere(history, 1, { text: 'b1 edited by nobody' })),
    ['changes-kept'],
  )
  t.same(
    broken((history) => everywhere(history, 2, { text: 'a2 posted' })),
    ['changes-kept'],
    'what is recalled says nothing any more',
  )
  t.same(
    broken((history) => everywhere(history, 3, { text: '', messageType: 'recall' })),
    ['changes-kept'],
    'a recall that nobody asked for',
  )
  t.same(
    broken(({ operations }) =>
      operations.push({ ...asked('bob', 650), kind: 'edit', room: 'room', messageId: 'm9', text: 'gone' }),
    ),
    ['changes-kept'],
    'a change of what is gone',
  )
  for (const messageId of ['m2', 'm9'])
    t.same(
      broken(({ operations }) =>
        operations.push({
          ...asked('bob', 650),
          kind: 'edit',
          room: 'room',
          messageId,
          text: 'not done',
          outcome: 'unknown',
        }),
      ),
      [],
      'one of unknown outcome need not be done',
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
  const ask = (startedAtMs: number) =>
    broken(({ operations }) =>
      operations.push({ ...asked('ann', startedAtMs), kind: 'ask', what: 'revoked' }),
    )
  const hear = (atMs: number, credential = 'ann#1') =>
    broken(({ sightings }) => sightings.push({ ...sightings[0]!, credential, atMs }))
  t.same([ask(2_000), hear(3_000)], [[], []], 'each has its bound')
  t.same([ask(2_001), hear(3_001)], [['revoked-ends'], ['revoked-ends']])
  t.same(
    broken(({ sightings }) => sightings.push({ ...sightings[0]!, via: 'http', atMs: 9_000 })),
    [],
    'an answer may be late: its request counts',
  )
  t.same(hear(9_000, 'ann#2'), [], 'who has another credential goes on')
})

t.test('a user who sees what is of a room of others is found', async (t) => {
  t.same(
    broken(({ sightings }) => sightings.push({ ...sightings[0]!, user: 'eve', credential: 'eve#1' })),
    ['own-rooms-only'],
  )
})

t.test('a user who sees what was said elsewhere is found, and so is a webhook that tells it', async (t) => {
  const elsewhere = (history: Mutable<History>) => {
    history.final.other = { members: [], messages: [], reading: {} }
  }
  t.same(
    broken((history) => {
      elsewhere(history)
      history.sightings.push({ ...history.sightings[0]!, room: 'other' })
    }),
    ['own-rooms-only', 'nothing-uncommitted'],
  )
  t.same(
    broken((history) => {
      elsewhere(history)
      history.webhooks.push({ ...told(1), room: 'other' })
    }),
    ['webhooks'],
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
  t.same(
    broken(({ webhooks }) => {
      for (const call of webhooks) if (call.messageId === 'm4') call.accepted = false
    }),
    ['webhooks'],
    'one that was refused for good',
  )
})

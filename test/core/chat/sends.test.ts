import t from 'tap'
import { createSends } from '../../../core/chat/sends.ts'
import type { Database } from '../../../core/store/database.ts'
import { DatabaseError } from '../../../core/store/database.ts'
import { insertMessages } from '../../../core/store/insert-messages.ts'
import type { NewMessage } from '../../../core/store/messages.ts'
import { groupOf, onEachDatabase } from '../../contract/server.ts'
import { asList } from '../../support/api-client.ts'

const insertsOf = (names: string[]) => names.filter((name) => name.startsWith('messages-insert'))

/** The same database, and the names of the statements that it is asked. */
function watched(db: Database): { db: Database; names: string[] } {
  const names: string[] = []
  return {
    names,
    db: {
      ...db,
      query(name, sql, params) {
        names.push(name)
        return db.query(name, sql, params)
      },
    },
  }
}

onEachDatabase(t, async (t, server) => {
  const { chat } = server
  const at = () => new Date(chat.clock())
  const messageOf = (roomId: string, senderId: string, more: Partial<NewMessage> = {}): NewMessage => ({
    id: chat.newId(),
    roomId,
    senderId,
    clientMessageId: undefined,
    messageType: 'text',
    message: '"x"',
    fields: '{}',
    replyId: undefined,
    mentions: [],
    counts: true,
    onlyIfMember: senderId,
    followUps: {},
    ...more,
  })

  t.test('a hot room’s messages go together, in the order in which they came', async (t) => {
    const app = await server.newApp()
    const room = await groupOf(app, 'ann', 'bob')
    const { db, names } = watched(chat.db)
    const sends = createSends(db)
    const told: (number | undefined)[] = []
    const sent = await Promise.all(
      Array.from({ length: 300 }, async (_, i) => {
        const { message } = await sends.post(app.app, messageOf(room, 'ann', { message: `"${i}"` }), at())
        told.push(message?.seq)
        return message
      }),
    )
    const places = Array.from({ length: 300 }, (_, i) => i + 1)
    t.same(
      sent.map((message) => [message?.seq, message?.message]),
      places.map((place) => [place, `${place - 1}`]),
    )
    t.same(told, places, 'and are told in that order')
    t.equal(insertsOf(names).length, 3, 'the first alone, then as many as may go together')
    const outbox = await chat.db.query<{ seq: number }>(
      '',
      `SELECT (payload->>'seq')::int AS seq FROM outbox WHERE app = $1 AND topic = 'message-posted' ORDER BY position`,
      [app.app],
    )
    t.same(
      outbox.map((row) => row.seq),
      places,
      'what follows them is in their order too',
    )
  })

  t.test('the messages of many rooms go together, a few statements at a time', async (t) => {
    const app = await server.newApp()
    const rooms = await Promise.all(Array.from({ length: 20 }, () => groupOf(app, 'ann', 'bob')))
    const { db, names } = watched(chat.db)
    const sends = createSends(db)
    const sent = await Promise.all(
      Array.from({ length: 100 }, (_, i) =>
        sends.post(
          app.app,
          messageOf(rooms[i % 20]!, i % 3 === 0 ? 'bob' : 'ann', { message: `"${i}"` }),
          at(),
        ),
      ),
    )
    t.same(
      sent.map(({ message }) => [message?.roomId, message?.seq, message?.message]),
      Array.from({ length: 100 }, (_, i) => [rooms[i % 20], Math.floor(i / 20) + 1, `${i}`]),
    )
    t.ok(insertsOf(names).length <= 6, `in ${insertsOf(names).length} statements`)
  })

  t.test('a statement is planned once, however many messages it has', async (t) => {
    if (chat.db.kind !== 'postgres') return
    const app = await server.newApp()
    const room = await groupOf(app, 'ann')
    const counts = await chat.db.transaction(async (tx) => {
      for (let i = 1; i <= 20; i++)
        await insertMessages(
          tx,
          app.app,
          Array.from({ length: 1 + (i % 7) * 10 }, () => messageOf(room, 'ann')),
          at(),
          { waits: true },
        )
      return tx.query<{ generic: number; custom: number }>(
        '',
        `SELECT generic_plans AS generic, custom_plans AS custom FROM pg_prepared_statements
         WHERE name = 'messages-insert-many'`,
      )
    })
    const [plans] = counts
    t.ok(plans !== undefined && plans.generic >= 15, JSON.stringify(plans))
  })

  t.test('a room that is held holds up itself alone', async (t) => {
    if (chat.db.kind !== 'postgres') return
    const app = await server.newApp()
    const [held, free] = [await groupOf(app, 'ann'), await groupOf(app, 'ann')]
    const sends = createSends(chat.db)
    const order: string[] = []
    const post = async (room: string) => {
      const { message } = await sends.post(app.app, messageOf(room, 'ann'), at())
      order.push(room === held ? 'held' : 'free')
      return message?.seq
    }
    let late: Promise<(number | undefined)[]> | undefined
    await chat.db.transaction(async (tx) => {
      await tx.query('', 'SELECT FROM rooms WHERE app = $1 AND id = $2 FOR UPDATE', [app.app, held])
      late = Promise.all([post(held), post(held), post(held)])
      t.same(await Promise.all([post(free), post(free), post(free)]), [1, 2, 3])
      t.same(order, ['free', 'free', 'free'])
    })
    t.same(await late, [1, 2, 3])
  })

  t.test('together they leave the same marks as one by one', async (t) => {
    const app = await server.newApp()
    const snapshots = []
    for (const together of [true, false]) {
      const room = await groupOf(app, 'ann', 'bob', 'cem', 'dan')
      const sends = createSends(chat.db)
      const script: [string, Partial<NewMessage>][] = [
        ['ann', {}],
        ['bob', { mentions: ['cem', 'bob'] }],
        ['ann', { counts: false, messageType: 'joinRoom' }],
        ['bob', {}],
        ['ann', { mentions: ['cem'] }],
        ['cem', { counts: false, messageType: 'leaveRoom' }],
      ]
      const post = ([sender, more]: (typeof script)[number]) =>
        sends.post(app.app, messageOf(room, sender, more), at())
      if (together) await Promise.all(script.map(post))
      else for (const step of script) await post(step)
      const members = await chat.db.query(
        '',
        `SELECT m.user_id, m.read_seq, m.read_counted, m.mentioned_seq,
           (SELECT seq FROM messages WHERE app = m.app AND room_id = m.room_id AND id = m.read_message_id) AS read
         FROM members m WHERE m.app = $1 AND m.room_id = $2 ORDER BY m.user_id`,
        [app.app, room],
      )
      const messages = await chat.db.query(
        '',
        'SELECT seq, counted, sender_id FROM messages WHERE app = $1 AND room_id = $2 ORDER BY seq',
        [app.app, room],
      )
      const [row] = await chat.db.query(
        '',
        'SELECT last_seq, counted, message_count, last_message_seq FROM rooms WHERE app = $1 AND id = $2',
        [app.app, room],
      )
      snapshots.push({ members, messages, row })
    }
    t.same(snapshots[0], snapshots[1])
  })

  t.test('one that is refused, or cannot be kept, takes no place and fails alone', async (t) => {
    const app = await server.newApp()
    const room = await groupOf(app, 'ann', 'bob')
    const sends = createSends(chat.db)
    const outcomes = await Promise.allSettled([
      sends.post(app.app, messageOf(room, 'ann'), at()),
      sends.post(app.app, messageOf(room, 'eve'), at()),
      sends.post(app.app, messageOf(room, 'bob'), at()),
      sends.post(app.app, messageOf(room, 'bob', { clientMessageId: 'a\u0000b' }), at()),
      sends.post(app.app, messageOf(room, 'ann'), at()),
    ])
    t.same(
      outcomes.map((outcome) => (outcome.status === 'fulfilled' ? outcome.value.message?.seq : 'failed')),
      [1, undefined, 2, 'failed', 3],
    )
    const failed = outcomes[3]
    t.ok(failed?.status === 'rejected' && failed.reason instanceof DatabaseError)
  })

  t.test('a repeat beside the first, or of one that is there, is the same message', async (t) => {
    const app = await server.newApp()
    const room = await groupOf(app, 'ann', 'bob')
    const sends = createSends(chat.db)
    const post = (sender: string, clientMessageId?: string) =>
      sends.post(app.app, messageOf(room, sender, { clientMessageId }), at())
    const unsigned = () =>
      sends.post(
        app.app,
        messageOf(room, 'ann', { senderId: undefined, onlyIfMember: undefined, clientMessageId: 'c-0' }),
        at(),
      )
    const first = await post('ann', 'c-1')
    const [a, b, c, d, e] = await Promise.all([
      post('bob'),
      post('ann', 'c-1'),
      post('ann', 'c-2'),
      post('ann', 'c-2'),
      post('bob', 'c-2'),
    ])
    t.equal(b.message?.id, first.message?.id)
    t.equal(d.message?.id, c.message?.id)
    t.same([a.repeated, b.repeated, c.repeated, d.repeated, e.repeated], [false, true, false, true, false])
    t.same(
      [a, c, e].map(({ message }) => message?.seq),
      [2, 3, 4],
    )
    t.equal(asList(await app.user('ann').ok('GET', `/rooms/${room}/messages/v3`)).length, 4)
    const [f, g] = await Promise.all([unsigned(), unsigned(), post('bob')])
    const again = await unsigned()
    t.same([f.message?.id, f.message?.id], [g.message?.id, again.message?.id], 'of nobody’s too')
    t.same([f.repeated, g.repeated, again.repeated], [false, true, true])
  })

  t.test('two cores that send to one room leave no gap and no double', async (t) => {
    const app = await server.newApp()
    const room = await groupOf(app, 'ann', 'bob')
    const cores = [createSends(chat.db), createSends(chat.db)]
    const sent = await Promise.all(
      Array.from({ length: 100 }, (_, i) =>
        cores[i % 2]!.post(app.app, messageOf(room, 'ann', { clientMessageId: `${i >> 1}` }), at()),
      ),
    )
    const ids = new Set(sent.map(({ message }) => message?.id))
    t.equal(ids.size, 50)
    t.equal(sent.filter(({ repeated }) => repeated).length, 50)
    const seqs = new Set(sent.map(({ message }) => message?.seq))
    t.same(
      [...seqs].toSorted((x, y) => Number(x) - Number(y)),
      Array.from({ length: 50 }, (_, i) => i + 1),
    )
  })

  t.test('a database that goes away fails all that wait, and the room goes on when it is back', async (t) => {
    const app = await server.newApp()
    const room = await groupOf(app, 'ann')
    let away = true
    const sends = createSends({
      ...chat.db,
      query: (name, sql, params) =>
        away ? Promise.reject(new Error('away')) : chat.db.query(name, sql, params),
    })
    const post = () => sends.post(app.app, messageOf(room, 'ann'), at())
    const outcomes = await Promise.allSettled([post(), post(), post()])
    t.same(
      outcomes.map(({ status }) => status),
      ['rejected', 'rejected', 'rejected'],
    )
    away = false
    t.equal((await post()).message?.seq, 1)
  })
})

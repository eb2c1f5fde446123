import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import t from 'tap'
import { credentialDigest } from '#contract/credential.ts'
import { asList } from '../support/api-client.ts'
import { eventually } from '../support/eventually.ts'
import { startStack } from '../support/stack.ts'
import { im, MAIN } from './im.ts'

t.setTimeout(240_000)

const HEADER = { type: 'export', version: 1 }
const at = (seconds: number) => new Date(Date.UTC(2026, 0, 1) + seconds * 1_000).toISOString()
const messageId = (place: number) => `65936d80${place.toString(16).padStart(16, '0')}`
const user = (id: string) => ({ type: 'user', id, nickname: id.toUpperCase(), createdAt: at(0) })
const message = (place: number, room = 'lounge', sender = 'ann') => ({
  type: 'message',
  id: messageId(place),
  room,
  sender,
  messageType: 'text',
  message: `message ${place}`,
  createdAt: at(100 + place),
})
const jsonLines = (...lines: object[]) => `${lines.map((line) => JSON.stringify(line)).join('\n')}\n`

t.test('im import', async (t) => {
  const stack = await startStack(t, { database: 'postgres' })
  const DATABASE_URL = stack.postgres?.url ?? ''
  const directory = await mkdtemp(join(tmpdir(), 'import-'))
  t.teardown(() => rm(directory, { recursive: true, force: true }))
  const database = new pg.Client(DATABASE_URL)
  await database.connect()
  t.teardown(() => database.end())
  const count = async (table: string) =>
    Number((await database.query(`SELECT count(*) AS n FROM ${table}`)).rows[0].n)
  const file = async (name: string, text: string) => {
    await writeFile(join(directory, name), text)
    return join(directory, name)
  }
  const run = (path: string, ...words: string[]) =>
    im(['import', path, '--app', 'test-app', '--json', ...words], { env: { DATABASE_URL } })

  const people = jsonLines(
    HEADER,
    user('ann'),
    user('bob'),
    {
      type: 'token',
      user: 'ann',
      token: 'a-token-of-ann',
      createdAt: at(0),
      expiresAt: '2040-01-01T00:00:00Z',
    },
    {
      type: 'token',
      user: 'bob',
      hash: credentialDigest('client-token', 'test-app', 'a-token-of-bob'),
      createdAt: at(0),
      expiresAt: '2040-01-01T00:00:00Z',
    },
  )
  const rooms = jsonLines(
    HEADER,
    { type: 'room', id: 'lounge', roomType: 'group', name: 'Lounge', owner: 'ann', createdAt: at(1) },
    { type: 'room', id: 'pair', roomType: 'direct', createdAt: at(1) },
    { type: 'member', room: 'lounge', user: 'ann', role: 'admin', joinedAt: at(1) },
    { type: 'member', room: 'lounge', user: 'bob', joinedAt: at(2), readAt: at(100) },
    { type: 'member', room: 'pair', user: 'bob', joinedAt: at(1) },
    { type: 'member', room: 'pair', user: 'ann', joinedAt: at(1) },
    // Not in the order of their times, and one that the server itself said.
    message(3),
    message(1, 'lounge', 'bob'),
    message(2),
    { ...message(4), messageType: 'joinRoom', message: '' },
    message(5, 'pair', 'bob'),
  )

  await t.test('a fault anywhere is told by file and line, and nothing is written', async (t) => {
    const bad = await file(
      'bad.jsonl',
      jsonLines(
        HEADER,
        user('eve'),
        { ...user('eva'), createdAt: 'yesterday' },
        {
          type: 'token',
          user: 'eve',
          token: 'a-secret',
          hash: 'x'.repeat(43),
          createdAt: at(0),
          expiresAt: at(9),
        },
        { type: 'attachment', id: 'x' },
        { ...message(1), id: 'not-an-id' },
        { type: 'member', room: 'nowhere', user: 'nobody', joinedAt: at(0) },
        { ...user('eli'), password: 'a-secret' },
      ).concat('{"type": "user", \n'),
    )
    const ran = await run(bad)
    t.equal(ran.code, 1)
    t.match(ran.json, {
      imported: false,
      problems: [
        'bad.jsonl:3: createdAt is not a time such as 2026-01-31T12:00:00Z',
        'bad.jsonl:4: either token or hash is needed, and not both',
        'bad.jsonl:5: type is none of user, token, room, member, message',
        'bad.jsonl:6: id is not 24 hex digits, as message ids are',
        'bad.jsonl:8: password is not known here',
        'bad.jsonl:9: is not JSON',
        'bad.jsonl:7: there is no user "nobody" before this line, nor in the app',
        'bad.jsonl:7: there is no room "nowhere" before this line, nor in the app',
      ],
    })
    t.notMatch(ran.stdout, 'a-secret')
    t.equal(await count('users'), 0)
  })

  await t.test('a later version of the format, or none, is refused', async (t) => {
    const later = await run(await file('later.jsonl', jsonLines({ type: 'export', version: 2 }, user('eve'))))
    t.match(later, { code: 1, json: { problems: [/^later\.jsonl:1: version 2 of the format is not known/] } })
    const none = await run(await file('none.jsonl', jsonLines(user('eve'))))
    t.match(none.json, { problems: [/^none\.jsonl:1: the first line is not/] })
    t.match((await run(await file('empty.jsonl', ''))).json, { problems: ['empty.jsonl:1: is empty'] })
    for (const name of ['bad', 'later', 'none', 'empty']) await rm(join(directory, `${name}.jsonl`))
  })

  await t.test('what cannot begin is one line', async (t) => {
    const path = await file('1-people.jsonl', people)
    const inApp = (app: string, env: Record<string, string>) => im(['import', path, '--app', app], { env })
    t.match(await inApp('none', { DATABASE_URL }), {
      code: 1,
      stderr: 'im: there is no app "none": im apps create none\n',
    })
    t.match(await inApp('test-app', {}), { code: 2, stderr: /^im: DATABASE_URL is not set/ })
    t.match(await inApp('test-app', { DATABASE_URL: 'mysql://x' }), {
      code: 2,
      stderr: /^im: DATABASE_URL: a database is/,
    })
    t.match(await inApp('test-app', { DATABASE_URL: 'postgres://u:a-secret@127.0.0.1:1/x' }), {
      code: 1,
      stderr: /^im: the database cannot be used \(ECONNREFUSED\)[^\n]*\n$/,
    })
    t.match(await run(join(directory, 'missing')), { code: 1, stderr: /missing cannot be read \(ENOENT\)/ })
    const empty = new URL(DATABASE_URL)
    empty.pathname = '/postgres'
    t.match(await inApp('test-app', { DATABASE_URL: empty.href }), {
      code: 1,
      stderr: /^im: the database has not the schema of this release: start a core/,
    })
  })

  await t.test('a dry run says what there is, and writes nothing', async (t) => {
    await file('2-rooms.jsonl', rooms)
    const dry = await run(directory, '--dry-run')
    t.match(dry, { code: 0, json: { imported: false, user: 2, token: 2, room: 2, member: 4, message: 5 } })
    t.equal(await count('users'), 0)
  })

  await t.test('what was imported is as if it had been here always', async (t) => {
    const first = await run(directory)
    t.match(first, {
      code: 0,
      json: { imported: true, added: { user: 2, token: 2, room: 2, member: 4, message: 5 } },
    })
    const [ann, bob] = [stack.as('a-token-of-ann'), stack.as('a-token-of-bob')]
    t.match(await ann.ok('GET', '/me'), { _id: 'ann', nickname: 'ANN' })
    const { data } = await bob.ok('GET', '/rooms/lounge/messages/v3?limit=10')
    const seqs = asList(data).map(({ _id, seq }) => [_id, seq])
    t.same(
      seqs.sort((a, b) => Number(a[1]) - Number(b[1])),
      [1, 2, 3, 4].map((n) => [messageId(n), n]),
    )
    const listed = asList((await bob.ok('GET', '/rooms')).data)
    t.match(
      listed.map(({ _id, unread }) => [_id, unread]),
      [
        ['pair', 0],
        ['lounge', 2],
      ],
    )
    const annsRooms = asList((await ann.ok('GET', '/rooms')).data)
    t.match(
      annsRooms.map(({ _id }) => _id),
      ['pair', 'lounge'],
    )
    t.match(await ann.ok('POST', '/rooms/createAndJoin', { roomType: 'direct', invitee: 'bob' }), {
      _id: 'pair',
    })
    const next = await ann.ok('POST', '/rooms/lounge/message', { messageType: 'text', message: 'go on' })
    t.equal(next.seq, 5)
  })

  await t.test('once more, it imports nothing twice', async (t) => {
    const again = await run(directory)
    t.match(again, { code: 0, json: { added: { user: 0, message: 0 }, before: 15 } })
    t.equal(await count('messages'), 6)
    // Another file with the same in it, and one message that comes too late for its room.
    await file('3-more.jsonl', rooms + jsonLines(message(9)))
    const more = await run(join(directory, '3-more.jsonl'))
    t.match(more, { code: 1, json: { added: { room: 0, member: 0 }, late: { lounge: 1 } } })
    t.equal(await count('messages'), 6)
    t.equal(await count('import_messages'), 0)
  })

  await t.test('killed in the middle, it goes on where it was', async (t) => {
    const many = 6_000
    const path = await file(
      'many.jsonl',
      jsonLines(
        HEADER,
        { type: 'room', id: 'hall', roomType: 'group', createdAt: at(1) },
        { type: 'member', room: 'hall', user: 'ann', joinedAt: at(1) },
        ...Array.from({ length: many }, (_, i) => message(1_000 + i, 'hall')),
      ),
    )
    const child = spawn(process.execPath, [MAIN, 'import', path, '--app', 'test-app'], {
      env: { PATH: process.env.PATH, DATABASE_URL },
      stdio: 'ignore',
    })
    const ended = once(child, 'close')
    await eventually('some of it is there', async () => (await count('import_messages')) > 0)
    child.kill('SIGKILL')
    await ended
    const staged = await count('import_messages')
    t.ok(staged < many, `${staged} of ${many} were written`)
    const resumed = await run(path)
    t.match(resumed, { code: 0, json: { imported: true } })
    const { before, added } = resumed.json as { before: number; added: { message: number } }
    t.ok(before > 0, `it began after ${before} lines`)
    t.equal(before + added.message, many + 2)
    const { rows } = await database.query(
      `SELECT count(*)::int AS n, min(seq)::int AS first, max(seq)::int AS last,
         bool_and(id = '65936d80' || lpad(to_hex(999 + seq), 16, '0')) AS ordered FROM messages WHERE room_id = 'hall'`,
    )
    t.same(rows, [{ n: many, first: 1, last: many, ordered: true }])
  })
})

import t from 'tap'
import { type ApiClient, asList, asObject, type Json } from '../support/api-client.ts'
import { groupOf, onEachDatabase } from './server.ts'

const TYPES = ['messages', 'files', 'roomName', 'roomMember', 'roomTags', 'roomPrefTags', 'roomPrefFolder']

onEachDatabase(t, async (t, server) => {
  const send = (client: ApiClient, room: string, body: Json): Promise<Json> =>
    client.ok('POST', `/rooms/${room}/message`, body)

  t.test('words are found in every script, with spaces between them or without', async (t) => {
    const app = await server.newApp()
    const ann = app.user('ann')
    const room = await groupOf(app, 'ann')
    const texts = [
      '明天下午三點開會,請大家準時參加',
      '今日は天気がいいから散歩しましょう',
      '오늘 회의는 세 시에 시작합니다',
      'The Quick brown fox jumps over the lazy dog',
      'Größe und Straße, naïve café',
      'Привет, как дела?',
      'tea 茶 or coffee?',
      'ＦＵＬＬ ｗｉｄｔｈ 123',
    ]
    for (const message of texts) await send(ann, room, { message })
    const found = async (keyword: string) =>
      asList(await ann.ok('POST', '/messages/search', { message: keyword })).map((message) =>
        texts.indexOf(String(message.message)),
      )
    t.same(await found('開會'), [0])
    t.same(await found('三點開會'), [0])
    t.same(await found('會'), [0], 'one character is a word')
    t.same(await found('散歩'), [1])
    t.same(await found('てんき'), [])
    t.same(await found('天気'), [1])
    t.same(await found('회의'), [2])
    t.same(await found('시에'), [2])
    t.same(await found('quick'), [3])
    t.same(await found('QUICK BROWN'), [3])
    t.same(await found('dog fox'), [3], 'all words, in any order')
    t.same(await found('dog cat'), [])
    t.same(await found('uic'), [3], 'inside a word')
    t.same(await found('größe'), [4])
    t.same(await found('cafe\u0301'), [4], 'however it is composed')
    t.same(await found('ПРИВЕТ'), [5])
    t.same(await found('茶'), [6])
    t.same(await found('full width'), [7])
    t.same(await found('quick%'), [])
    t.same(await found(''), [])
    t.same(await found('   '), [])
    t.same(await found('z'), [3], 'a single letter, among the newest')
  })

  t.test('an edit is found by its new words, a recall and a system message by none', async (t) => {
    const app = await server.newApp()
    const ann = app.user('ann')
    const room = await groupOf(app, 'ann')
    await app.user('bobby').ok('GET', '/me')
    await ann.ok('POST', `/rooms/${room}/members`, { invitees: ['bobby'], systemMessage: true })
    const { _id } = await send(ann, room, { message: 'first wording' })
    const count = async (keyword: string) =>
      asList(await ann.ok('POST', '/messages/search', { message: keyword })).length
    t.equal(await count('bobby'), 0)
    t.equal(await count('first'), 1)
    await send(ann, room, { _id, message: 'second wording' })
    t.same([await count('first'), await count('second')], [0, 1])
    await send(ann, room, { _id, messageType: 'recall' })
    t.equal(await count('second'), 0)
    await send(ann, room, { messageType: 'encrypted', message: 'second' })
    t.equal(await count('second'), 0)
    await send(ann, room, { message: 'with \u0000 nothing' })
    t.equal(await count('nothing'), 1)
  })

  t.test('nobody finds what is not theirs to read', async (t) => {
    const app = await server.newApp()
    const room = await groupOf(app, 'ann', 'bob')
    await send(app.user('ann'), room, { message: 'the secret plan' })
    t.equal(asList(await app.user('bob').ok('POST', '/messages/search', { message: 'secret' })).length, 1)
    const eve = app.user('eve')
    t.same((await eve.ok('POST', '/messages/search', { message: 'secret' })).data, [])
    t.same(await eve.ok('POST', '/search', { type: ['messages'], keyword: 'secret', room }), { messages: [] })
    t.same((await eve.ok('GET', `/messages?q=${encodeURIComponent(JSON.stringify({ room }))}`)).data, [])
    t.same((await eve.ok('GET', '/messages/recent')).data, [])
    const other = await server.newApp()
    t.same((await other.user('ann').ok('POST', '/messages/search', { message: 'secret' })).data, [])
    t.match(await app.platform().call('POST', '/search', { type: 'messages', keyword: 'secret' }), {
      status: 400,
      code: 'ACTING_USER_REQUIRED',
    })
    await app.user('bob').ok('POST', `/rooms/${room}/delete/members`, { members: ['bob'] })
    t.same((await app.user('bob').ok('POST', '/messages/search', { message: 'secret' })).data, [])
  })

  t.test('a search answers every type that it was asked for, with a list', async (t) => {
    const app = await server.newApp()
    const ann = app.user('ann')
    t.same(
      await ann.ok('POST', '/search', { type: TYPES, keyword: 'x' }),
      Object.fromEntries(TYPES.map((type) => [type, []])),
    )
    t.same(await ann.ok('POST', '/search', { type: 'messages', keyword: '' }), { messages: [] })
    t.match(await ann.call('POST', '/search', { type: ['everything'], keyword: 'x' }), {
      status: 400,
      code: 'INVALID_SEARCH_TYPE',
    })
    t.match(await ann.call('POST', '/search', { keyword: 'x' }), { status: 400, code: 'MISSING_PARAMETER' })
    t.match(await ann.call('POST', '/search', { type: [], keyword: 'x' }), { status: 400 })
    t.match(await ann.call('POST', '/search', { type: 'messages', keyword: 'x'.repeat(300) }), {
      status: 400,
    })
    t.match(await ann.call('POST', '/messages/search', { message: 'a b c d e f g h i' }), {
      status: 400,
      code: 'INVALID_QUERY',
    })
  })

  t.test('each type finds its own', async (t) => {
    const app = await server.newApp()
    const ann = app.user('ann')
    await app.user('bob').ok('POST', '/me', { nickname: 'Robert 陳' })
    const one = await groupOf(app, 'ann', 'bob')
    const two = await groupOf(app, 'ann')
    await ann.ok('PUT', `/rooms/${one}`, { name: '專案 Alpha', roomTags: ['vip', 'north'] })
    await ann.ok('PUT', `/rooms/${two}`, { name: '100%_done', roomTags: ['vip'] })
    await ann.ok('POST', `/roomPrefs/${one}`, { tags: ['Urgent'], folder: 'Clients' })
    const file = await send(ann, one, {
      messageType: 'file',
      originalUrl: 'u',
      extra: JSON.stringify({ fileName: 'alpha-report.pdf' }),
    })
    const text = await send(ann, one, { message: 'see alpha' })
    const search = (body: Json) => ann.ok('POST', '/search', body)
    const rooms = async (type: string, keyword: string) =>
      asList((await search({ type, keyword }))[type]).map((room) => room._id)
    t.same(await rooms('roomName', 'alpha'), [one])
    t.same(await rooms('roomName', '專案'), [one])
    t.same(await rooms('roomName', '%_d'), [two], 'wildcards are letters')
    t.same(await rooms('roomMember', 'robert'), [one])
    t.same(await rooms('roomMember', '陳'), [one])
    t.same(await rooms('roomMember', 'ann'), [], 'not oneself')
    t.same(await rooms('roomTags', 'vip'), [one, two])
    t.same(await rooms('roomPrefTags', 'urgent'), [one])
    t.same(await rooms('roomPrefFolder', 'client'), [one])
    const found = await search({ type: ['messages', 'files'], keyword: 'alpha' })
    const [messages] = asList(found.messages)
    t.same(messages?.messages, [text._id, file._id])
    t.match(messages?.room, { _id: one, members: [{ _id: 'ann' }, { _id: 'bob' }], unread: 0 })
    const [files] = asList(found.files)
    t.match(files, { room: { _id: one }, messages: [file._id], messageID: file._id })
    t.same((await search({ type: 'messages', keyword: 'alpha', room: two })).messages, [])
    t.equal(asList((await search({ type: 'messages', keyword: 'alpha', room: one })).messages).length, 1)
    t.same((await search({ type: 'messages', keyword: 'alpha', roomTags: ['vip', 'south'] })).messages, [])
    t.same(
      asList((await search({ type: 'roomTags', keyword: 'vip', roomTags: ['north'] })).roomTags).map(
        (room) => room._id,
      ),
      [one],
    )
    t.equal(asList((await search({ type: 'roomTags', keyword: 'vip', limit: 1 })).roomTags).length, 1)
  })

  t.test('the latest messages are the latest, however large or silent one’s other rooms are', async (t) => {
    const app = await server.newApp()
    const ann = app.user('ann')
    const crowd = Array.from({ length: 210 }, (_, n) => `u${n}`)
    await app.platform().ok('POST', '/rooms', { _id: 'crowd', members: ['ann', ...crowd] })
    await send(app.user('u1'), 'crowd', { message: 'old' })
    server.advance(5_000)
    const room = await groupOf(app, 'ann')
    for (const message of ['new', 'newest']) await send(ann, room, { message })
    for (let n = 0; n < 3; n++) await groupOf(app, 'ann')
    const recent = async (limit: number) =>
      asList(await ann.ok('GET', `/messages/recent?limit=${limit}`)).map(({ message }) => message)
    t.same([await recent(1), await recent(3)], [['newest'], ['newest', 'new', 'old']])
  })

  t.test('the old search reads a filter, bounded to fields and operators that it knows', async (t) => {
    const app = await server.newApp()
    const [ann, bob] = [app.user('ann'), app.user('bob')]
    const room = await groupOf(app, 'ann', 'bob')
    const other = await groupOf(app, 'ann')
    await send(ann, room, { message: 'hello there' })
    await send(bob, room, { message: 'hello back' })
    await send(ann, other, { messageType: 'image', originalUrl: 'u' })
    const ask = (q: unknown, query = '') =>
      ann.call('GET', `/messages?q=${encodeURIComponent(JSON.stringify(q))}${query}`)
    const texts = async (q: unknown) =>
      asList((await ask(q)).result).map((message) => message.message ?? message.messageType)
    t.same(await texts({}), ['image', 'hello back', 'hello there'])
    t.same(await texts({ message: { $regex: 'hello' } }), ['hello back', 'hello there'])
    t.same(await texts({ message: 'hello back' }), ['hello back'])
    t.same(await texts({ room, sender: { $ne: 'bob' } }), ['hello there'])
    t.same(await texts({ $or: [{ sender: 'bob' }, { messageType: 'image' }] }), ['image', 'hello back'])
    await send(bob, room, { message: 'hey @ann', mentions: ['ann', 'cem'] })
    await send(bob, room, { message: 'odd', mentions: ['\u0000'] }).catch(() => undefined)
    t.same(await texts({ mentions: 'ann' }), ['hey @ann'])
    t.same(await texts({ mentions: { $all: ['ann', 'cem'] }, editedAt: null }), ['hey @ann'])
    t.same(await texts({ mentions: { $ne: 'ann' }, sender: 'bob' }), ['hello back'])
    t.same(await texts({ editedAt: { $exists: true } }), [])
    t.match((await ask({ mentions: { $nin: ['ann'] } }, '&limit=1')).result, {
      totalCount: 3,
      data: [{ messageType: 'image' }],
    })
    for (const bad of [
      { $where: '1' },
      { password: 'x' },
      { message: { $regex: '(a+)+$' } },
      { sender: { $gt: {} } },
    ])
      t.match(await ask(bad), { status: 400, code: 'INVALID_QUERY' }, JSON.stringify(bad))
    t.match(await ann.call('GET', '/messages?q=%7B'), { status: 400, code: 'INVALID_QUERY' })
    const recent = await ann.ok('GET', '/messages/recent?limit=2')
    t.equal(recent.count, 2)
    t.same(
      asList(recent).map((message) => asObject(message.sender)._id),
      ['bob', 'ann'],
    )
  })
})

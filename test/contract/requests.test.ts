import t from 'tap'
import { routes } from '../../core/http/routes.ts'
import type { ApiAnswer } from '../support/api-client.ts'
import { createApiClient } from '../support/api-client.ts'
import { startContractServer } from './server.ts'

const isFailure = (answer: ApiAnswer) =>
  answer.RC === answer.status &&
  typeof answer.body.RM === 'string' &&
  typeof answer.code === 'string' &&
  answer.headers['content-type'] === 'application/json; charset=utf-8'

t.test('a request, whatever its form', async (t) => {
  const server = await startContractServer(t, 'postgres')
  const app = await server.newApp()
  const ann = app.user('ann')
  await ann.ok('POST', '/rooms/createAndJoin', { _id: 'room', invitee: 'bob' })

  t.test('is answered in the envelope, as JSON in UTF-8', async (t) => {
    const answer = await ann.call('GET', '/me')
    t.same(Object.keys(answer.body), ['RC', 'RM', 'result'])
    t.match(answer, { status: 200, RC: 0, body: { RM: 'OK' } })
    t.equal(answer.headers['content-type'], 'application/json; charset=utf-8')
  })

  t.test('is refused without a signed identity, on every route and on none', async (t) => {
    const nobody = createApiClient(server.url, {})
    const forged = createApiClient(server.url, {
      'im-identity': `${ann.headers['im-identity']?.slice(0, -2)}xx`,
    })
    const anonymous = server.as({ kind: 'anonymous', app: app.app })
    for (const { method, path, caller } of routes)
      for (const client of [nobody, forged, anonymous]) {
        if (client === anonymous && (caller === 'client-key' || caller === 'nobody')) continue
        const answer = await client.call(method, path.replaceAll(':', ''))
        t.match(answer, { status: 401, code: 'UNAUTHORIZED' }, `${method} ${path}`)
        t.ok(isFailure(answer))
      }
    t.match(await nobody.call('GET', '/nothing-here'), { status: 401, code: 'UNAUTHORIZED' })
    t.match(await nobody.call('GET', '/readyz'), { status: 200 })
  })

  t.test('is refused where the identity has grown old', async (t) => {
    const old = app.user('ann')
    server.advance(66_000)
    t.match(await old.call('GET', '/me'), { status: 401, code: 'UNAUTHORIZED' })
    server.advance(-66_000)
  })

  t.test('reaches a platform-only route with a platform key alone', async (t) => {
    const platformOnly = routes.filter((route) => route.caller === 'platform')
    for (const { method, path } of platformOnly)
      t.match(
        await ann.call(method, path, {}),
        { status: 403, code: 'PERMISSION_DENIED' },
        `${method} ${path}`,
      )
  })

  t.test('needs an acting user exactly where the route is a user’s', async (t) => {
    for (const { method, path, caller } of routes) {
      const answer = await app.platform().call(method, path.replaceAll(':', 'no-'))
      t.equal(answer.code === 'ACTING_USER_REQUIRED', caller === 'user', `${method} ${path}: ${answer.text}`)
    }
  })

  t.test('finds its route with and without a slash at the end, and by HEAD', async (t) => {
    for (const path of ['/me/', '/rooms/', '/rooms/room/', '/roomPrefs/'])
      t.equal((await ann.call('GET', path)).status, 200, path)
    t.match(await ann.call('HEAD', '/rooms/room'), { status: 200, text: '' })
    t.match(await ann.call('HEAD', '/rooms/nowhere'), { status: 404 })
    t.match(await ann.call('GET', '/nothing-here'), { status: 404, code: 'NOT_FOUND' })
    t.match(await ann.call('PATCH', '/me', {}), { status: 404, code: 'NOT_FOUND' })
  })

  t.test('may name ids of any form in its path', async (t) => {
    for (const id of ['a b', 'ü/ö', '100%', 'a+b', 'a:b@c$d,e', 'x'.repeat(256), '日本語', "' OR 1=1 --"]) {
      await ann.ok('POST', '/rooms/createAndJoin', { _id: id })
      t.equal((await ann.ok('GET', `/rooms/${encodeURIComponent(id)}`))._id, id)
    }
    t.equal((await ann.ok('GET', '/rooms/a:b@c$d,e'))._id, 'a:b@c$d,e', 'not encoded')
    t.ok(isFailure(await ann.call('GET', '/rooms/%zz')))
    t.match(await ann.call('GET', '/rooms/a%00b'), { status: 400, code: 'INVALID_REQUEST' })
    t.ok(isFailure(await ann.call('GET', `/rooms/${'x'.repeat(5_000)}`)))
  })

  t.test('may come without a body, with an empty one of any type, or as a form', async (t) => {
    const types = [
      'application/json',
      'application/x-www-form-urlencoded',
      'text/plain',
      'multipart/form-data',
      'nonsense',
    ]
    for (const type of types) {
      const answer = await ann.call('POST', '/rooms/room/join', undefined, {
        headers: { 'content-type': type },
        rawBody: '',
      })
      t.equal(answer.status, 200, `${type}: ${answer.text}`)
      const removed = await ann.call('DELETE', '/me/mute/room', undefined, {
        headers: { 'content-type': type },
        rawBody: '',
      })
      t.equal(removed.status, 200, type)
    }
    t.equal((await ann.call('POST', '/me/mute/room')).status, 200)
    t.equal((await ann.call('DELETE', '/me/mute/room', {})).status, 200)
    const form = { headers: { 'content-type': 'application/x-www-form-urlencoded; charset=UTF-8' } }
    const added = await ann.call('POST', '/rooms/room/members', undefined, {
      ...form,
      rawBody: 'invitees[]=c+d&systemMessage=true',
    })
    t.match(added.result, { lastMessage: { messageType: 'addMembers', message: 'c d' } })
    const one = await ann.call('POST', '/rooms/room/members', undefined, { ...form, rawBody: 'invitees=eda' })
    t.equal(one.status, 200, one.text)
    t.match((await ann.call('POST', '/me', undefined, { ...form, rawBody: 'nickname=A%26B+C' })).result, {
      nickname: 'A&B C',
    })
    const put = await ann.call('PUT', '/rooms/room', undefined, {
      ...form,
      rawBody: 'name=A+%26+B&roomTags[]=x&roomTags[]=y&opening=0&encrypted=false',
    })
    t.match(put.result, { name: 'A & B', roomTags: ['x', 'y'], opening: 0, encrypted: false })
    const unsaid = await ann.call('DELETE', '/rooms/room/members/eda', undefined, {
      ...form,
      rawBody: 'systemMessage=true',
    })
    t.match(unsaid.result, { lastMessage: { messageType: 'deleteMember' } })
  })

  t.test('is refused for a body that cannot be read', async (t) => {
    const send = (rawBody: string, type = 'application/json;charset=utf-8') =>
      ann.call('POST', '/rooms/room/message', undefined, { headers: { 'content-type': type }, rawBody })
    t.match(await send('{'), { status: 400, code: 'INVALID_BODY' })
    t.match(await send('{"message":"x","__proto__":{"a":1}}'), { status: 400, code: 'INVALID_BODY' })
    t.match(await send('{"constructor":{"prototype":{"a":1}}}'), { status: 400, code: 'INVALID_BODY' })
    t.match(await send('null'), { status: 400, code: 'INVALID_REQUEST' })
    t.match(await send('"text"'), { status: 400, code: 'INVALID_REQUEST' })
    t.match(await send('[1]'), { status: 400, code: 'INVALID_REQUEST' })
    t.match(await send('<x/>', 'application/xml'), { status: 415, code: 'UNSUPPORTED_MEDIA_TYPE' })
    t.match(await send(JSON.stringify({ message: 'x'.repeat(1_048_577) })), {
      status: 413,
      code: 'PAYLOAD_TOO_LARGE',
    })
    t.match(await ann.call('POST', '/me', { nickname: 'a\u0000b' }), { status: 400, code: 'INVALID_REQUEST' })
    for (const answer of [await send('{'), await send('<x/>', 'a/b'), await send('null')])
      t.ok(isFailure(answer))
  })

  t.test('is told which field is wrong', async (t) => {
    const wrong = await ann.call('POST', '/rooms/createAndJoin', { members: ['x', 7] })
    t.match(wrong, { status: 400, code: 'INVALID_REQUEST', body: { RM: /members/ } })
    const missing = await ann.call('POST', '/rooms/room/members', {})
    t.match(missing, { status: 400, code: 'MISSING_PARAMETER', body: { RM: /invitees/ } })
    const strict = await ann.call('POST', '/rooms/room/members', { invitees: ['x'], systemMessage: 'true' })
    t.match(
      strict,
      { status: 400, code: 'INVALID_REQUEST', body: { RM: /systemMessage/ } },
      'JSON is not converted',
    )
  })
})

t.test('a request that meets a database that is gone is answered 503', async (t) => {
  const server = await startContractServer(t, 'pglite')
  const app = await server.newApp()
  await server.chat.db.close()
  const answer = await app.user('ann').call('GET', '/me')
  t.match(answer, { status: 503, code: 'STORE_UNAVAILABLE' })
  t.ok(isFailure(answer))
})

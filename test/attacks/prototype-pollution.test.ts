/**
 * `__proto__` and its relatives as names, keys and ids, in every place where a name of the caller's becomes a key of
 * ours: headers, query, JSON bodies, event arguments, user, room, device and app names. What is sent is data and stays
 * data. Precedent: Node CVE-2026-21710.
 */
import t, { type Test } from 'tap'
import { openRaw, requestText } from '../support/raw-http.ts'
import { connectSocket } from '../support/socket-client.ts'
import { startStack } from '../support/stack.ts'

const stack = await startStack(t)
const { clientKey, platformKey } = stack.keys
const NAMES = ['__proto__', 'constructor', 'prototype', 'hasOwnProperty', 'toString', 'valueOf']
const POLLUTION = '{"polluted":true,"userId":"root","kind":"platform","isPrototypeOf":1}'
const user = await stack.createUser('plain')
const room = await user.api.ok('POST', '/rooms/createAndJoin', { roomType: 'group', name: 'plain' })

async function stillWell(t: Test): Promise<void> {
  t.match(await user.api.ok('GET', '/me'), { _id: 'plain' })
  t.notOk(JSON.stringify(await user.api.ok('GET', '/me')).includes('polluted'))
  t.equal((await stack.client({}).call('GET', '/me')).status, 401, 'nobody is still nobody')
  t.equal((await stack.client({ 'IM-Client-Key': clientKey }).call('GET', '/me')).status, 401)
}

t.test('as header names', async (t) => {
  for (const name of NAMES) {
    for (const value of [POLLUTION, user.token, platformKey]) {
      const client = await openRaw(stack.url)
      client.write(requestText('GET /me HTTP/1.1', [`${name}: ${value}`, `${name}: ${value}`]))
      t.equal((await client.response()).status, 401, name)
      client.write(
        requestText('GET /me HTTP/1.1', [
          `${name}: ${value}`,
          `IM-Client-Key: ${clientKey}`,
          `IM-Authorization: ${user.token}`,
        ]),
      )
      t.equal((await client.response()).status, 200, name)
      client.destroy()
    }
  }
  await stillWell(t)
})

t.test('as credentials, devices and users that a key acts for', async (t) => {
  for (const name of NAMES) {
    const as = (headers: Record<string, string>) => stack.client(headers).call('GET', '/me')
    t.equal((await as({ 'IM-Client-Key': name, 'IM-Authorization': name })).status, 401)
    t.equal((await as({ 'IM-Client-Key': clientKey, 'IM-Authorization': name })).status, 401)
    t.equal((await as({ 'IM-API-KEY': name })).status, 401)
    t.equal((await as({ ...user.api.headers, 'IM-Device-ID': name })).status, 200)
    const acting = await as({ 'IM-API-KEY': platformKey, 'IM-Client-ID': name })
    t.ok(acting.status < 500, `${name}: ${acting.status}`)
  }
  await stillWell(t)
})

t.test('as keys of queries and bodies', async (t) => {
  const json = { 'Content-Type': 'application/json' }
  for (const name of NAMES) {
    for (const query of [
      `${name}=1`,
      `${name}[polluted]=1`,
      `${name}.polluted=1`,
      `q={"${name}":${POLLUTION}}`,
    ]) {
      const { status } = await user.api.call('GET', `/rooms?${encodeURI(query)}`)
      t.ok(status < 500, `${query}: ${status}`)
    }
    for (const [method, path, body] of [
      ['POST', '/me', `{"nickname":"plain","${name}":${POLLUTION}}`],
      ['POST', `/rooms/${room._id}/message`, `{"messageType":"text","message":"x","${name}":${POLLUTION}}`],
      [
        'POST',
        `/rooms/${room._id}/message`,
        `{"messageType":"text","message":"x","extra":{"${name}":${POLLUTION}}}`,
      ],
      ['POST', `/roomPrefs/${room._id}`, `{"hidden":false,"${name}":${POLLUTION}}`],
      ['POST', `/me/pref/${name}`, `{"children":[],"${name}":${POLLUTION}}`],
    ] as const) {
      const { status } = await user.api.call(method, path, undefined, { rawBody: body, headers: json })
      t.ok(status < 500, `${method} ${path} ${name}: ${status}`)
    }
  }
  await stillWell(t)
})

t.test('as ids of users and rooms, which are ids like any other', async (t) => {
  for (const name of NAMES) {
    const named = await stack.createUser(name, { token: `token-of-${name}` })
    t.match(await named.api.ok('GET', '/me'), { _id: name })
    const made = await named.api.ok('POST', '/rooms/createAndJoin', {
      _id: name,
      roomType: 'group',
      name,
      invitee: ['plain'],
    })
    t.equal(made._id, name)
    const path = `/rooms/${name}/message`
    t.match(await named.api.ok('POST', path, { messageType: 'text', message: 'hi' }), { room: name })
    await stack.platform.ok('DELETE', `/admin/clients/${name}/token`, { token: named.token })
    t.equal((await named.api.call('GET', '/me')).status, 401)
  }
  await stillWell(t)
})

t.test('as keys of an event’s arguments', async (t) => {
  for (const name of NAMES) {
    const socket = connectSocket(t, 4, stack.url, { reconnection: false })
    await socket.connected
    const headers = JSON.parse(`{"${name}":{"CLIENT_KEY":"${clientKey}","Authorization":"${user.token}"}}`)
    t.match(await socket.ask('auth2', null, headers), { RC: 401 })
    t.match(await socket.ask('auth2', user.token, { ...headers, CLIENT_KEY: clientKey }), { RC: 0 })
    socket.emit(name, JSON.parse(`{"${name}":${POLLUTION}}`))
    const said = JSON.parse(
      `{"room":"${room._id}","messageType":"text","message":"x","${name}":${POLLUTION}}`,
    )
    t.ok(Number(Object(await socket.ask('chat message', said)).RC) < 500)
    socket.close()
  }
  await stillWell(t)
})

import t, { type Test } from 'tap'
import { connectSocket, fromBase64, type SocketVersion, type TestSocket } from '../support/socket-client.ts'
import { startStack, type TestUser } from '../support/stack.ts'

const stack = await startStack(t)
const { clientKey } = stack.keys
const VERSIONS: SocketVersion[] = [4, 3, 2]
const TRANSPORTS = ['websocket', 'polling'] as const

let rooms = 0

/** Two users of their own and a room that both are in. */
async function twoInARoom(): Promise<{ alice: TestUser; bob: TestUser; room: string }> {
  const n = ++rooms
  const [alice, bob] = await Promise.all([stack.createUser(`alice-${n}`), stack.createUser(`bob-${n}`)])
  const made = await alice!.api.ok('POST', '/rooms/createAndJoin', {
    roomType: 'group',
    name: 'r',
    invitee: [bob!.id],
  })
  return { alice: alice!, bob: bob!, room: String(made._id) }
}

const credentialsOf = (user: TestUser) => ({ CLIENT_KEY: clientKey, Authorization: user.token })

async function signIn(t: Test, socket: TestSocket, user: TestUser): Promise<void> {
  await socket.connected
  await socket.ask('conf', { encoding: 'base64' })
  const answer = fromBase64(await socket.ask('auth2', user.token, credentialsOf(user)))
  t.match(answer, { RC: 0, RM: 'OK', result: { client: user.id } })
}

const isMessage = (text: string) => (payload: unknown) =>
  typeof payload === 'object' && payload !== null && 'message' in payload && payload.message === text
const isEncodedMessage = (text: string) => (payload: unknown) => isMessage(text)(fromBase64(payload))

for (const version of VERSIONS) {
  for (const transport of TRANSPORTS) {
    t.test(`client ${version} over ${transport} signs in with conf and auth2, and chats`, async (t) => {
      const { alice, bob, room } = await twoInARoom()
      const socket = connectSocket(t, version, stack.url, { transports: [transport] })
      await signIn(t, socket, alice)

      const sent = await bob.api.ok('POST', `/rooms/${room}/message`, {
        messageType: 'text',
        message: 'grüß dich',
      })
      const arrived = fromBase64(await socket.next('chat message', isEncodedMessage('grüß dich')))
      t.match(arrived, { _id: sent._id, room, sender: { _id: bob.id }, createdAtMS: Number })

      const mine = await alice.api.ok('POST', `/rooms/${room}/message`, {
        messageType: 'text',
        message: 'read?',
      })
      await bob.api.ok('PUT', `/rooms/${room}/lastRead`, { message: mine._id })
      // Sending past another's message is reading it, so one's own mark is told as well.
      const isMine = (payload: unknown) => {
        const { messageID, memberID } = Object(fromBase64(payload))
        return messageID === mine._id && memberID === bob.id
      }
      const read = fromBase64(await socket.next('lastRead', isMine))
      t.match(read, { roomID: room, memberID: bob.id, messageID: mine._id })

      await bob.api.ok('POST', `/rooms/${room}/typing`, { message: 'typing…' })
      const typing = fromBase64(await socket.next('typing'))
      t.match(typing, { room, sender: bob.id, senderInfo: { _id: bob.id }, message: 'typing…' })

      const added = await bob.api.ok('POST', '/rooms/createAndJoin', {
        roomType: 'group',
        invitee: [alice.id],
      })
      const isAdded = (payload: unknown) => Object(fromBase64(payload))._id === added._id
      const shown = fromBase64(await socket.next('room', isAdded))
      t.match(shown, { _id: added._id, members: [{ _id: String, id: String, clientType: 'user' }] })
      await bob.api.ok('POST', `/rooms/${added._id}/message`, {
        messageType: 'text',
        message: 'in the new room',
      })
      await socket.next('chat message', isEncodedMessage('in the new room'))

      const message = { room, messageType: 'text', message: 'from the socket' }
      const stored = await socket.ask('chat message', message)
      t.match(stored, { RC: 0, RM: 'OK', result: { message: 'from the socket', sender: { _id: alice.id } } })
      const outside = await socket.ask('chat message', { ...message, room: 'nowhere' })
      t.match(outside, { RC: 403 }, 'the answer to a message is plain, whatever the encoding')
    })
  }

  t.test(
    `client ${version} signs in with auth, which names no app, and is answered in its own encoding`,
    async (t) => {
      const { alice } = await twoInARoom()
      const plain = connectSocket(t, version, stack.url)
      await plain.connected
      t.match(await plain.ask('auth', alice.token), { RC: 0, result: { client: alice.id } })
      const encoded = connectSocket(t, version, stack.url)
      await encoded.connected
      await encoded.ask('conf', { encoding: 'base64' })
      t.match(fromBase64(await encoded.ask('auth', alice.token)), { RC: 0, result: { client: alice.id } })
    },
  )
}

t.test('polling first and upgrading to websocket keeps the session that was signed in', async (t) => {
  const { alice, bob, room } = await twoInARoom()
  const socket = connectSocket(t, 2, stack.url, { transports: ['polling', 'websocket'] })
  await socket.connected
  t.match(await socket.ask('auth', alice.token), { RC: 0, result: { client: alice.id } })
  for (let index = 0; index < 10; index++) {
    await bob.api.ok('POST', `/rooms/${room}/message`, { messageType: 'text', message: `number ${index}` })
    t.match(await socket.next('chat message', isMessage(`number ${index}`)), { room })
  }
  t.equal(socket.connections(), 1)
})

t.test('a socket that sends neither conf nor an ack gets plain objects', async (t) => {
  const { alice, bob, room } = await twoInARoom()
  const socket = connectSocket(t, 4, stack.url)
  await socket.connected
  socket.emit('auth2', alice.token, credentialsOf(alice))
  // Events are worked off in order: what is answered here was asked after the sign-in.
  const stored = await socket.ask('chat message', { room, messageType: 'text', message: 'mine' })
  t.match(stored, { RC: 0, result: { message: 'mine' } })
  t.match(await socket.next('chat message', isMessage('mine')), { sender: { _id: alice.id } })
  await bob.api.ok('POST', `/rooms/${room}/message`, { messageType: 'text', message: 'plain' })
  t.match(await socket.next('chat message', isMessage('plain')), { sender: { _id: bob.id } })
  socket.emit('typing', room)
})

t.test('typing on a socket reaches the other members and not the one who types', async (t) => {
  const { alice, bob, room } = await twoInARoom()
  const [typing, watching] = [connectSocket(t, 4, stack.url), connectSocket(t, 4, stack.url)]
  await signIn(t, typing, alice)
  await signIn(t, watching, bob)
  typing.emit('typing', room, 'hel')
  t.match(fromBase64(await watching.next('typing')), {
    room,
    sender: alice.id,
    senderInfo: { _id: alice.id },
  })
})

t.test('a bad token is told so, and the one connection stays and can still sign in', async (t) => {
  const { alice, room } = await twoInARoom()
  for (const version of VERSIONS) {
    const socket = connectSocket(t, version, stack.url)
    await socket.connected
    await socket.ask('conf', { encoding: 'base64' })
    for (let attempt = 0; attempt < 5; attempt++) {
      const bad = { ...credentialsOf(alice), Authorization: 'wrong' }
      t.match(fromBase64(await socket.ask('auth2', 'wrong', bad)), { RC: 401, RM: String })
    }
    const message = { room, messageType: 'text', message: 'not yet' }
    t.match(await socket.ask('chat message', message), { RC: 401 }, 'an anonymous socket sends nothing')
    t.match(fromBase64(await socket.ask('auth2', alice.token, credentialsOf(alice))), { RC: 0 })
    t.equal(socket.connections(), 1, `client ${version}`)
  }
})

t.test('a wrong client key beside a good token is told so', async (t) => {
  const { alice } = await twoInARoom()
  const socket = connectSocket(t, 4, stack.url)
  await socket.connected
  const credentials = { 'IM-CLIENT-KEY': 'wrong', 'IM-Authorization': alice.token }
  t.match(await socket.ask('auth2', alice.token, credentials), { RC: 401 })
  t.match(await socket.ask('auth2', alice.token, { ...credentials, 'IM-CLIENT-KEY': clientKey }), { RC: 0 })
})

t.test('a socket whose upgrade request has good credentials is somebody at once', async (t) => {
  const { alice, room } = await twoInARoom()
  for (const transport of TRANSPORTS) {
    const socket = connectSocket(t, 4, stack.url, {
      transports: [transport],
      extraHeaders: { 'IM-Client-Key': clientKey, 'IM-Authorization': alice.token },
    })
    await socket.connected
    const stored = await socket.ask('chat message', { room, messageType: 'text', message: 'no auth needed' })
    t.match(stored, { RC: 0, result: { sender: { _id: alice.id } } }, transport)
  }
})

t.test('a socket whose CONNECT payload has good credentials is somebody at once', async (t) => {
  const { alice, room } = await twoInARoom()
  for (const version of [4, 3] as const) {
    for (const transport of TRANSPORTS) {
      const socket = connectSocket(t, version, stack.url, {
        transports: [transport],
        auth: credentialsOf(alice),
      })
      await socket.connected
      const stored = await socket.ask('chat message', {
        room,
        messageType: 'text',
        message: 'no auth needed',
      })
      t.match(stored, { RC: 0, result: { sender: { _id: alice.id } } }, `client ${version}, ${transport}`)
    }
  }
})

t.test('one who signs in as another user no longer hears what the first one hears', async (t) => {
  const { alice, bob, room } = await twoInARoom()
  const carol = await stack.createUser('carol-later')
  const socket = connectSocket(t, 4, stack.url)
  await signIn(t, socket, alice)
  await signIn(t, socket, carol)
  const message = { room, messageType: 'text', message: 'may I?' }
  t.match(await socket.ask('chat message', message), { RC: 403 })
  await bob.api.ok('POST', `/rooms/${room}/message`, { messageType: 'text', message: 'for alice' })
  await bob.api.ok('POST', '/rooms/createAndJoin', { roomType: 'direct', invitee: carol.id })
  await bob.api.ok('POST', `/rooms/${room}/message`, { messageType: 'text', message: 'for alice again' })
  const direct = await bob.api.ok('POST', '/rooms/createAndJoin', { roomType: 'direct', invitee: carol.id })
  await bob.api.ok('POST', `/rooms/${direct._id}/message`, { messageType: 'text', message: 'for carol' })
  const first = fromBase64(await socket.next('chat message'))
  t.match(first, { message: 'for carol' })
})

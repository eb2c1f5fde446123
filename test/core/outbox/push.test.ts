import { jwtVerify } from 'jose'
import t from 'tap'
import { DATABASES } from '../../contract/server.ts'
import { eventually } from '../../support/eventually.ts'
import { apnsKeys, fcmKeys, startApns, startFcm } from './push-services.ts'
import { type Json, startReceiver } from './receiver.ts'
import { type Stand, startStand } from './stand.ts'

const subscribe = (
  stand: Awaited<ReturnType<Stand['newApp']>>,
  id: string,
  type = 'fcm',
  deviceId = `${id}-device`,
) => stand.user(id).ok('POST', '/me/subscribe', { type, token: `${id}-${type}`, deviceId })

const pushesAreDone = (stand: Stand) =>
  eventually(
    'the pushes are done',
    async () => (await stand.rows('outbox')) + (await stand.rows('push_jobs')) === 0,
  )

for (const kind of DATABASES)
  t.test(`pushes on ${kind}`, async (t) => {
    const fcm = await startFcm(t, (token) => (token.startsWith('gone') ? 404 : 200))
    const apns = await startApns(t, (path) =>
      path.includes('gone') ? { status: 410, reason: 'Unregistered' } : { status: 200 },
    )
    const hook = await startReceiver(t)
    const generic = await startReceiver(t)
    const stand = await startStand(t, kind, {
      outside: { fcm: fcm.config, apns: apns.config, pushUrl: hook.url, pushGenericUrl: generic.url },
    })
    t.beforeEach(() => {
      for (const { received } of [fcm, apns, hook, generic]) received.length = 0
    })

    t.test('go to the members who want them, with their own badge', async (t) => {
      const app = await stand.newApp()
      const { platform, user } = app
      await platform().ok('POST', '/admin/clients', { _id: 'ann', nickname: 'Ann' })
      const members = ['ann', 'bob', 'cem', 'dan', 'eve', 'bot']
      await platform().ok('POST', '/rooms', { _id: 'r0', members: ['ann', 'bob'], roomType: 'group' })
      await platform().ok('POST', '/rooms', {
        _id: 'r1',
        members,
        roomType: 'group',
        name: 'Lobby',
        roomTags: ['x'],
      })
      await platform().ok('POST', '/admin/clients', { _id: 'bot', isRobot: true })
      await platform().ok('POST', '/admin/clients', { _id: 'eve', notificationEnabled: false })
      await user('dan').ok('POST', '/me/mute/r1')
      for (const id of members) await subscribe(app, id)
      await subscribe(app, 'cem', 'ios')
      await subscribe(app, 'cem', 'ios-voip')
      await platform('ann').ok('POST', '/messages', {
        room: 'r0',
        message: 'silent',
        sender: 'ann',
        push: false,
      })
      await user('ann').ok('POST', '/rooms/r1/message', { message: 'hello' })
      await pushesAreDone(stand)
      const sent = fcm.sent().toSorted((a, b) => (String(a.token) < String(b.token) ? -1 : 1))
      t.strictSame(
        sent.map((message) => message.token),
        ['bob-fcm', 'cem-fcm'],
      )
      const { payload, ...data } = (sent[0]?.data ?? {}) as Json
      t.strictSame(data, {
        title: 'Lobby',
        body: 'hello',
        badge: '2',
        'loc-key': 'im_loc_text',
        'loc-args': '["Ann","hello"]',
        type: 'text',
        redirect: '/chat',
        roomTags: '["x"]',
      })
      t.match(JSON.parse(String(payload)), { message: 'hello', room: 'r1', sender: { _id: 'ann' } })
      t.match(apns.received, [
        {
          path: '/3/device/cem-ios',
          headers: { 'apns-topic': 'com.example.chat', 'apns-push-type': 'alert' },
          body: {
            aps: {
              alert: { 'loc-key': 'im_loc_text', 'loc-args': ['Ann', 'hello'] },
              badge: 1,
              sound: 'default',
            },
          },
        },
      ])
      const hooked = hook.received
        .map(({ body }) => body)
        .toSorted((a, b) => (String(a.toClient) < String(b.toClient) ? -1 : 1))
      t.match(hooked, [
        { message: 'hello', room: 'r1', sender: { _id: 'ann' }, toClient: 'bob', badge: 2 },
        { toClient: 'cem', badge: 1 },
      ])
      t.equal(hooked.length, 2)
      t.match(
        generic.received.map(({ body }) => body),
        [{ message: 'hello', roomName: 'Lobby', pushToClients: ['bob', 'cem'] }],
      )
    })

    t.test('leave the number on the device as it is where a message says so', async (t) => {
      const app = await stand.newApp()
      await app.platform().ok('POST', '/rooms', { _id: 'r', members: ['ann', 'bob'], roomType: 'group' })
      await subscribe(app, 'bob')
      await app
        .platform()
        .ok('POST', '/messages', { room: 'r', message: 'x', sender: 'ann', skipTotalBadge: true })
      await pushesAreDone(stand)
      t.match(fcm.sent(), [{ token: 'bob-fcm', data: { body: 'x', badge: undefined } }])
      t.match(
        hook.received.map(({ body }) => body),
        [{ toClient: 'bob', badge: undefined }],
      )
      t.equal((await app.user('bob').ok('GET', '/me/badge')).badge, 1, 'it is unread all the same')
    })

    t.test('are signed as Google and Apple want it', async (t) => {
      const app = await stand.newApp()
      await app
        .platform()
        .ok('POST', '/push/push2tokens', { type: 'ios', tokens: ['x'], payload: { alert: 'hi' } })
      await pushesAreDone(stand)
      const bearer = String(apns.received[0]?.headers.authorization).slice('bearer '.length)
      const { payload, protectedHeader } = await jwtVerify(bearer, apnsKeys.publicKey)
      t.match(
        { payload, protectedHeader },
        { payload: { iss: 'TEAM1' }, protectedHeader: { alg: 'ES256', kid: 'KEY1' } },
      )
    })

    t.test('that customers ask for go to clients’ devices and to tokens, as they were written', async (t) => {
      const app = await stand.newApp()
      await subscribe(app, 'bob')
      await subscribe(app, 'bob', 'ios')
      const payload = {
        alert: { 'loc-key': 'K', 'loc-args': ['a', 1] },
        badge: 7,
        sound: 's.caf',
        topic: 'com.other',
        expiry: 1_900_000_000,
        title: 'T',
        body: 'B',
        icon: 'I',
        collapseKey: 'C',
        type: 'promo',
        extra: { a: 1 },
      }
      t.strictSame(
        await app.platform().ok('POST', '/push/push2clients', { clients: ['bob', 'nobody'], payload }),
        {},
      )
      const answer = await app
        .platform()
        .call('POST', '/push/push2tokens', { type: 'ios-voip', tokens: ['v1'], payload: {} })
      t.strictSame(answer.body, { RC: 0, RM: 'OK', result: null })
      await pushesAreDone(stand)
      t.match(fcm.sent(), [
        {
          token: 'bob-fcm',
          data: {
            title: 'T',
            body: 'B',
            icon: 'I',
            badge: '7',
            type: 'promo',
            extra: '{"a":1}',
            'loc-key': 'K',
          },
          android: { collapse_key: 'C' },
        },
      ])
      const byPath = new Map(apns.received.map((request) => [request.path, request]))
      t.match(byPath.get('/3/device/bob-ios'), {
        headers: { 'apns-topic': 'com.other', 'apns-expiration': '1900000000', 'apns-collapse-id': 'C' },
        body: {
          type: 'promo',
          aps: { alert: { 'loc-key': 'K', 'loc-args': ['a', '1'] }, badge: 7, sound: 's.caf' },
        },
      })
      t.match(byPath.get('/3/device/v1'), {
        headers: { 'apns-topic': 'com.example.chat.voip', 'apns-push-type': 'voip' },
      })
      t.equal(
        (await app.user('bob').call('POST', '/push/push2clients', { clients: [], payload })).status,
        403,
      )
    })

    t.test('forget devices that are gone', async (t) => {
      const app = await stand.newApp()
      await app.user('bob').ok('POST', '/me/subscribe', { type: 'fcm', token: 'gone-1', deviceId: 'd1' })
      await app.user('bob').ok('POST', '/me/subscribe', { type: 'ios', token: 'gone-2', deviceId: 'd1' })
      await app.user('bob').ok('POST', '/me/subscribe', { type: 'ios', token: 'stays', deviceId: 'd2' })
      await app.platform().ok('POST', '/push/push2clients', { clients: ['bob'], payload: { alert: 'hi' } })
      await pushesAreDone(stand)
      const rows = await stand.chat.db.query('', 'SELECT token FROM push_subscriptions WHERE app = $1', [
        app.app,
      ])
      t.strictSame(rows, [{ token: 'stays' }])
    })

    t.test('are subscribed to and unsubscribed from, by token, by device and by logging out', async (t) => {
      const app = await stand.newApp()
      const { user, platform } = app
      const first = await subscribe(app, 'bob')
      t.match(first, { _id: String, type: 'fcm', client: 'bob', token: 'bob-fcm', deviceId: 'bob-device' })
      t.match(
        await user('bob').ok('POST', '/me/subscribe', { type: 'fcm', token: 'new', deviceId: 'bob-device' }),
        { token: 'new' },
      )
      t.strictSame(await user('bob').ok('POST', '/me/unsubscribe', { type: 'fcm', token: 'bob-fcm' }), {
        n: 0,
        ok: 1,
      })
      t.strictSame(await user('bob').ok('POST', '/me/unsubscribe', { type: 'fcm', deviceId: 'bob-device' }), {
        n: 1,
        ok: 1,
      })
      await subscribe(app, 'bob')
      t.match(
        await user('cem').ok('POST', '/me/subscribe', { type: 'fcm', token: 'bob-fcm' }),
        { client: 'cem' },
        'a token is its last user’s',
      )
      t.strictSame(await user('bob').ok('POST', '/me/unsubscribe', { type: 'fcm', token: 'bob-fcm' }), {
        n: 0,
        ok: 1,
      })
      t.strictSame(
        await user('bob')
          .call('POST', '/me/unsubscribe', { type: 'fcm' })
          .then(({ status }) => status),
        400,
      )
      t.match(await platform().ok('POST', '/me/subscribe', { type: 'web', token: 'w', clientId: 'dan' }), {
        client: 'dan',
      })
      t.equal((await platform().call('POST', '/me/subscribe', { type: 'web', token: 'w' })).status, 400)
      t.equal((await user('bob').call('POST', '/me/subscribe', { type: 'pager', token: 'w' })).status, 400)
    })
  })

t.test('a push service that fails is asked again, the others are not asked twice', async (t) => {
  let failures = 2
  const fcm = await startFcm(t, (token) => (token === 'bob-fcm' && failures-- > 0 ? 503 : 200))
  const stand = await startStand(t, 'postgres', { outside: { fcm: fcm.config, constantBadge: 3 } })
  const app = await stand.newApp()
  await app.platform().ok('POST', '/rooms', { _id: 'r1', members: ['ann', 'bob', 'cem'], roomType: 'group' })
  for (const id of ['bob', 'cem']) await subscribe(app, id)
  await app.user('ann').ok('POST', '/rooms/r1/message', { message: 'hello' })
  await pushesAreDone(stand)
  t.strictSame(
    fcm
      .sent()
      .map((message) => message.token)
      .toSorted(),
    ['bob-fcm', 'bob-fcm', 'bob-fcm', 'cem-fcm'],
  )
  t.match(fcm.sent()[0]?.data, { badge: '3' }, 'CONSTANT_PUSH_BADGE')
  t.equal(fcm.tokensAsked().length, 1)
  const form = new URLSearchParams(fcm.tokensAsked()[0]?.text)
  const { payload } = await jwtVerify(form.get('assertion') ?? '', fcmKeys.publicKey)
  t.match(payload, { iss: fcm.config.clientEmail, aud: fcm.config.tokenUrl })
})

t.test('logging out unsubscribes the device, logging out the others all but it', async (t) => {
  const stand = await startStand(t, 'postgres')
  const { app } = await stand.newApp()
  const on = (deviceId: string, credentialId: string) =>
    stand.as({ kind: 'client', app, userId: 'bob', deviceId, credentialId, expiresAtMs: undefined })
  const left = async () => {
    const rows = await stand.chat.db.query<{ token: string }>(
      '',
      'SELECT token FROM push_subscriptions WHERE app = $1 ORDER BY token',
      [app],
    )
    return rows.map((row) => row.token)
  }
  for (const device of ['d1', 'd2', 'd3'])
    await on(device, device).ok('POST', '/me/subscribe', { type: 'fcm', token: `token-${device}` })
  await on('d1', 'd1').ok('POST', '/me/logout')
  t.strictSame(await left(), ['token-d2', 'token-d3'])
  await on('d2', 'd2').ok('POST', '/me/logout-others')
  t.strictSame(await left(), ['token-d2'])
})

/**
 * A client may not speak before it is answered. Bytes behind the upgrade request that are forwarded before the core
 * has accepted are read there as the next HTTP request when it declines (aiohttp CVE-2026-69243), or are taken for
 * frames that nobody scanned. They wait for the verified 101, bounded, and then pass the scanner like all others.
 */
import t from 'tap'
import { carriesRawAuth, clientFrame, readTexts } from '../gateway/tunnel/client-frames.ts'
import { startStand, until, upgradeText } from '../gateway/tunnel/stand.ts'
import { openRaw } from '../support/raw-http.ts'
import { acceptUpgrade, startRecordingUpstream } from '../support/recording-upstream.ts'

t.test('nothing that the client sends before the verified 101 reaches the core before it', async (t) => {
  const core = await startRecordingUpstream(t)
  const stand = await startStand(t, { cores: [core.port] })
  const accepted = Promise.withResolvers<void>()
  core.answerWith(async (request) => {
    await accepted.promise
    t.equal(request.connection.received().toString('latin1'), request.head, 'the head and no more')
    return acceptUpgrade(request)
  })
  const client = await openRaw(stand.port)
  const pipelined = clientFrame('421["auth","good"]')
  client.write(Buffer.concat([Buffer.from(upgradeText()), pipelined.subarray(0, 10)]))
  const { connection } = await core.next()
  client.write(pipelined.subarray(10))
  client.write(clientFrame('3'))
  await new Promise((resolve) => setTimeout(resolve, 50))
  t.notOk(client.received().length, 'the client is not answered before the core is')
  accepted.resolve()
  t.equal((await client.response()).status, 101)
  await until('the early bytes follow', () => readTexts(connection.tunnelled()).length === 2)
  const texts = readTexts(connection.tunnelled())
  t.notOk(texts.some(carriesRawAuth))
  t.match(texts[0], /^421\["auth",\{"identity":/)
  t.equal(texts[1], '3')
})

t.test('early bytes are bounded: more of them end the upgrade', async (t) => {
  const core = await startRecordingUpstream(t)
  const stand = await startStand(t, { cores: [core.port], limits: { maxEarlyBytes: 1_000 } })
  core.answerWith(() => 'hang')
  for (const inHead of [true, false]) {
    const client = await openRaw(stand.port)
    client.write(upgradeText() + (inHead ? 'x'.repeat(1_001) : ''))
    if (!inHead) {
      const { connection } = await core.next()
      client.write('x'.repeat(1_001))
      await connection.closed
      t.notMatch(connection.received().toString('latin1'), /xxx/)
    }
    t.equal((await client.response()).status, 400)
    await client.closed
  }
  t.same(stand.tunnels.registry.counts(), { identified: 0, anonymous: 0 })
})

t.test('a client that leaves before its answer leaves nothing behind', async (t) => {
  const core = await startRecordingUpstream(t)
  const stand = await startStand(t, { cores: [core.port] })
  core.answerWith(() => 'hang')
  const client = await openRaw(stand.port)
  client.write(upgradeText())
  const { connection } = await core.next()
  client.destroy()
  await connection.closed
  t.same(stand.outcomes, ['abandoned'])
  t.same(stand.tunnels.registry.counts(), { identified: 0, anonymous: 0 })
})

t.test('a credential that is revoked while its upgrade is under way opens no tunnel', async (t) => {
  const core = await startRecordingUpstream(t)
  const stand = await startStand(t, { cores: [core.port] })
  core.answerWith(() => 'hang')
  const client = await openRaw(stand.port)
  client.write(upgradeText(['IM-Authorization: good']))
  const { connection } = await core.next()
  stand.tunnels.registry.closeCredential('id-of-good')
  t.equal((await client.response()).status, 401)
  await connection.closed
})

t.test('an upgrade that completes during a drain does not escape it', async (t) => {
  const core = await startRecordingUpstream(t)
  const stand = await startStand(t, { cores: [core.port], limits: { closingMs: 100 } })
  const accepted = Promise.withResolvers<void>()
  core.answerWith(async (request) => {
    await accepted.promise
    return acceptUpgrade(request)
  })
  const clients = await Promise.all(Array.from({ length: 3 }, () => openRaw(stand.port)))
  for (const client of clients) client.write(upgradeText())
  await Promise.all(clients.map(() => core.next()))
  const drained = stand.tunnels.registry.closeAll({ windowMs: 300 })
  accepted.resolve()
  await drained
  await Promise.all(clients.map((client) => client.closed))
  for (const client of clients) client.end()
  await until('all are gone', () => stand.tunnels.registry.counts().anonymous === 0)
})

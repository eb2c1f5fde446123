import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { startPostgres } from '../../support/postgres.ts'
import { startService } from '../../support/service.ts'
import { actAndDie, api, environment, platform, signedIn } from './killed-cores.ts'
import { startReceiver } from './receiver.ts'

const texts = ['one', 'two', 'three']

t.test('what a killed core had committed is told by another, in its order', async (t) => {
  const { url: databaseUrl } = await startPostgres(t)
  const receiver = await startReceiver(t)
  const core = await startService(t, 'core', environment(databaseUrl))
  await api(core.url, platform).ok('POST', '/rooms', {
    _id: 'r1',
    members: ['ann', 'bob'],
    roomType: 'group',
    webhook: receiver.url,
  })
  const socket = await signedIn(t, core, 'bob')
  const heard = new Promise<unknown[]>((resolve) => {
    const messages: unknown[] = []
    socket.on('chat message', (message) => {
      messages.push(message)
      if (messages.length === texts.length) resolve(messages)
    })
  })
  await actAndDie(t, databaseUrl, 'send', texts)
  t.match(
    await heard,
    texts.map((message, i) => ({ message, seq: i + 1, room: 'r1' })),
  )
  const hooked = (await receiver.come(4)).filter(({ body }) => body.event === 'MESSAGE')
  t.match(
    hooked.map(({ body }) => body.data),
    texts.map((message) => ({ message })),
  )
})

t.test('an embedded core that was killed makes up for it when it starts again', async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'imkit-outbox-'))
  t.teardown(() => rm(directory, { recursive: true, force: true }))
  const receiver = await startReceiver(t)
  const env = environment(`pglite:${directory}`)
  const first = await startService(t, 'core', env)
  await api(first.url, platform).ok('POST', '/rooms', {
    _id: 'r1',
    members: ['ann', 'bob'],
    roomType: 'group',
    webhook: receiver.url,
  })
  await receiver.come(1)
  await first.stop()
  await actAndDie(t, env.DATABASE_URL, 'send', texts)
  const second = await startService(t, 'core', env)
  await receiver.come(4)
  t.match(
    receiver.received.slice(1).map(({ body }) => body.data),
    texts.map((message, i) => ({ message, seq: i + 1 })),
  )
  await second.stop()
})

import { join } from 'node:path'
import t from 'tap'
import { RESERVE_BYTES } from '../../core/store/data-directory.ts'
import { asList } from '../support/api-client.ts'
import { eventually } from '../support/eventually.ts'
import { freePort } from '../support/free-port.ts'
import { startSmallDisk } from '../support/small-disk.ts'
import { startStack } from '../support/stack.ts'

const DISK_BYTES = RESERVE_BYTES + 160 * 1_048_576
const ROOM = 'room'

t.setTimeout(150_000)

t.test('an embedded database whose disk is full', async (t) => {
  const disk = await startSmallDisk(t, DISK_BYTES)
  const { directory, leaveFree } = disk
  const stack = await startStack(t, { gateways: 0, cores: 0, coreWords: disk.words })
  const ports = { CORE_PORT: `${await freePort()}`, CORE_INTERNAL_PORT: `${await freePort()}` }
  const start = () =>
    stack.addCore({ ...ports, DATABASE_URL: `pglite:${join(directory, 'data')}`, LOG_LEVEL: 'info' })
  const core = await start()
  const gateway = await stack.addGateway()
  const platform = stack.client({ 'IM-API-KEY': stack.keys.platformKey, 'IM-Client-ID': 'ann' }, gateway.url)
  await platform.ok('POST', '/admin/clients', { _id: 'ann' })
  await platform.ok('POST', '/rooms', { _id: ROOM, members: ['ann'] })

  const acknowledged: string[] = []
  const write = async (): Promise<number> => {
    const text = `message ${acknowledged.length + 1}`
    const body = { messageType: 'text', message: text }
    const { status } = await platform.call('POST', `/rooms/${ROOM}/message`, body)
    if (status === 200) acknowledged.push(text)
    return status
  }
  const stored = async () => {
    const { data } = await platform.ok('GET', `/rooms/${ROOM}/messages?limit=200`)
    return asList(data)
      .map(({ message }) => message)
      .reverse()
  }
  t.equal(await write(), 200)

  await t.test('refuses what writes with 503 before it is quite full, and serves what reads', async (t) => {
    await leaveFree(RESERVE_BYTES / 2)
    await eventually('writing is refused', async () => (await write()) === 503)
    t.strictSame(await stored(), acknowledged)
    await core.logged('nothing is written')
  })

  await t.test('writes again by itself when there is space', async (t) => {
    await disk.clear()
    await eventually('writing works', async () => (await write()) === 200)
    t.strictSame(await stored(), acknowledged)
  })

  await t.test(
    'loses nothing when it is killed on a disk without one byte left, and says why it cannot start',
    async (t) => {
      await leaveFree(RESERVE_BYTES / 2)
      await eventually('writing is refused', async () => (await write()) === 503)
      await leaveFree(0)
      t.equal(await write(), 503)
      core.signal('SIGKILL')
      const held = setInterval(() => {}, 1_000)
      await core.ended
      clearInterval(held)
      const error = await start().catch((error: unknown) => error)
      t.match(String(error), /core: the directory \S+ cannot be used: .*(full|ENOSPC)/)
      t.notMatch(String(error).replace(/^.*\n {4}at .*$/gm, ''), /node:internal/)
      await disk.clear()
      await start()
      await eventually('the gateway is back', async () => (await write()) === 200)
      t.strictSame(await stored(), acknowledged)
    },
  )
})

import t from 'tap'
import type { ChatEvent } from '../../../core/chat/events.ts'
import { user } from './identities.ts'
import { collect, join, type TestSocket } from './sockets.ts'
import { startSockets, type TestCore } from './test-core.ts'

const base64 = (text: string) => Buffer.from(text).toString('base64')

function tell(core: TestCore, to: ChatEvent['to'], key: string): void {
  core.realtime.publish({ type: 'my-pref-deleted', app: 'shop', to, key })
}

async function crowd(t: Parameters<typeof join>[0], core: TestCore, size: number): Promise<TestSocket[]> {
  const sockets: TestSocket[] = []
  for (let count = 0; count < size; count++) {
    core.chat.roomsOf.set(`user${count}`, ['hall', 'side'])
    sockets.push(await join(t, core, user(`user${count}`), { base64: count % 2 === 1 }))
  }
  return sockets
}

t.test('a large room is served in chunks, each socket once and in order, in both encodings', async (t) => {
  const core = await startSockets(t, { limits: { broadcastChunk: 2, broadcastTurnMs: 0 } })
  const sockets = await crowd(t, core, 7)
  const keys = Array.from({ length: 20 }, (_, index) => `k${index}`)
  const told = sockets.map((socket) => collect(socket, 'myPrefDelete', 21))
  for (const key of [...keys, 'end']) tell(core, { roomId: 'hall' }, key)
  for (const [index, payloads] of (await Promise.all(told)).entries()) {
    const plain = [...keys, 'end']
    t.strictSame(payloads, index % 2 === 0 ? plain : plain.map(base64))
  }
})

t.test('while a large room is being served, others are not held up', async (t) => {
  const core = await startSockets(t, { limits: { broadcastChunk: 2, broadcastTurnMs: 0 } })
  const sockets = await crowd(t, core, 6)
  const last = sockets.at(-1) as TestSocket
  const told = collect(last, 'myPrefDelete', 2)
  tell(core, { roomId: 'hall' }, 'large')
  tell(core, { userIds: ['user5'] }, 'small')
  t.strictSame(await told, ['small', 'large'].map(base64))
})

t.test(
  'who leaves a large room still hears what was said before, who joins hears what follows',
  async (t) => {
    const core = await startSockets(t, { limits: { broadcastChunk: 1, broadcastTurnMs: 0 } })
    const sockets = await crowd(t, core, 4)
    const newcomer = await join(t, core, user('new'))
    const all = sockets.map((socket) => collect(socket, 'myPrefDelete', 2))
    const first = collect(newcomer, 'myPrefDelete', 1)
    const userIds = sockets.map((_, index) => `user${index}`)
    tell(core, { roomId: 'hall' }, 'before')
    core.realtime.publish({
      type: 'members-left',
      app: 'shop',
      to: { roomId: 'hall' },
      roomId: 'hall',
      userIds,
    })
    core.realtime.publish({
      type: 'members-joined',
      app: 'shop',
      to: { roomId: 'hall' },
      roomId: 'hall',
      userIds: ['new'],
    })
    tell(core, { roomId: 'hall' }, 'after')
    tell(core, { userIds }, 'end')
    const plain = ['before', 'end']
    t.strictSame(await Promise.all(all), [plain, plain.map(base64), plain, plain.map(base64)])
    t.strictSame(await first, ['after'])
  },
)

t.test('the sender’s sockets are left out of a chunked broadcast too', async (t) => {
  const core = await startSockets(t, { limits: { broadcastChunk: 1, broadcastTurnMs: 0 } })
  const sockets = await crowd(t, core, 3)
  const all = sockets.map((socket, index) => collect(socket, 'myPrefDelete', index === 1 ? 1 : 2))
  tell(core, { roomId: 'hall', exceptUserId: 'user1' }, 'typing')
  tell(core, { roomId: 'hall' }, 'end')
  t.strictSame(await Promise.all(all), [['typing', 'end'], [base64('end')], ['typing', 'end']])
})

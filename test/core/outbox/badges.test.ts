import t from 'tap'
import { DATABASES } from '../../contract/server.ts'
import { eventually } from '../../support/eventually.ts'
import { type Receiver, type Reply, startReceiver } from './receiver.ts'
import { startStand } from './stand.ts'

/** Adds up what several products count, as the deployment's own service does. */
function createCounts() {
  const counts = new Map<string, Record<string, number>>()
  const record = (id: string) => {
    const sources = counts.get(id) ?? { imkit: 0 }
    const total = Object.values(sources).reduce((sum, n) => sum + n, 0)
    return { clientId: id, total, ...sources }
  }
  const answer: Receiver['answer'] = ({ path, text }): Reply => {
    const body: unknown = JSON.parse(text)
    if (Array.isArray(body)) return { body: body.map(String).map(record) }
    const { source, count } = body as { source: string; count: number }
    const id = decodeURIComponent(path.slice(1))
    counts.set(id, { ...counts.get(id), [source]: count })
    return { body: record(id) }
  }
  return { counts, answer }
}

for (const kind of DATABASES)
  t.test(`the badge service on ${kind}`, async (t) => {
    const { counts, answer } = createCounts()
    const service = await startReceiver(t, answer)
    const push = await startReceiver(t)
    const stand = await startStand(t, kind, {
      outside: { badgeUrl: service.url, pushUrl: push.url },
      timing: { badgeDelayMs: 1_000, badgeAskMs: 2_000 },
    })
    const { platform, user } = await stand.newApp()
    const told = (id: string) => counts.get(id)?.imkit

    await platform().ok('POST', '/rooms', { _id: 'r1', members: ['ann', 'b/ob'], roomType: 'group' })
    const messages = Array.from({ length: 5 }, (_, n) => ({ message: `${n}` }))
    await Promise.all(messages.map((body) => user('ann').ok('POST', '/rooms/r1/message', body)))
    await eventually('bob’s count is told', () => told('b/ob') === 5)
    const calls = service.received.filter(({ path }) => path === '/b%2Fob')
    t.ok(calls.length < 5, 'several changes are told as one')
    t.match(calls.at(-1), { method: 'POST', body: { source: 'imkit', count: 5 } })

    counts.set('b/ob', { imkit: 5, mail: 4 })
    // An answer from before may still be on its way, and is believed for a while.
    await eventually('the other products count too', async () => {
      stand.advance(10_000)
      return (await user('b/ob').ok('GET', '/me/badge')).badge === 9
    })
    t.strictSame(
      await user('b/ob').ok('GET', '/me/badge?roomTags=x'),
      { badge: 0 },
      'of tags they know nothing',
    )

    await user('b/ob').ok('PUT', '/rooms/r1/lastRead', {})
    await eventually('reading is told', () => told('b/ob') === 0)
    t.strictSame(await user('b/ob').ok('GET', '/me/badge'), { badge: 4 })

    service.answer = () => new Promise(() => {})
    stand.advance(10_000)
    await user('ann').ok('POST', '/rooms/r1/message', { message: 'while it hangs' })
    t.strictSame(await user('b/ob').ok('GET', '/me/badge'), { badge: 5 }, 'the last it told is kept')
    const pushed = () => push.received.find(({ body }) => body.message === 'while it hangs')
    await eventually('the message is pushed all the same', () => pushed() !== undefined)
    t.match(pushed()?.body, { toClient: 'b/ob', badge: 5 }, 'with what the other products count')

    service.answer = () => ({ status: 500 })
    await user('ann').ok('POST', '/rooms/r1/message', { message: 'while it fails' })
    const before = service.received.length
    await eventually('it is asked in vain', () => service.received.length > before + 1)
    service.answer = answer
    await eventually('it is told in the end', () => told('b/ob') === 2)
    await eventually('nothing is due', async () => (await stand.rows('badge_dues')) === 0)
  })

/** A simulated user: a client, and a person who writes, edits, recalls and reads. */
import { asList, type Json } from '../support/api-client.ts'
import { wait } from './caller.ts'
import { type ChaosClient, type ClientParts, openClient, RETRY_MS } from './client.ts'
import type { SeenMessage } from './history.ts'

export type ChaosUser = Pick<ChaosClient, 'credential' | 'present' | 'synchronise' | 'close' | 'counts'> & {
  id: string
  /** Ends the acting: what is not acknowledged is still repeated until it is, or until the deadline. */
  finish(deadlineMs: number): Promise<void>
  view(): Record<string, SeenMessage[]>
}

type Parts = ClientParts & {
  /** Of which it is no member. */
  foreignRooms: readonly string[]
  thinkMs: { least: number; most: number }
}

const RECENT = 10

export function startUser(parts: Parts): ChaosUser {
  const { id, rooms, foreignRooms, random, thinkMs } = parts
  const client = openClient(parts)
  let acting = true
  let giveUpAtMs = Infinity
  let written = 0
  const own: Array<{ room: string; messageId: string }> = []

  async function send(): Promise<void> {
    const room = random.pick(rooms)
    const key = `${id}-${++written}`
    const text = `${key} posted`
    for (let attempt = 0; Date.now() < giveUpAtMs; attempt++) {
      if (attempt > 0) client.counts.repeats += 1
      const body = { messageType: 'text', message: text, clientMessageID: key }
      const wanted = { kind: 'send', room, key, text } as const
      const learn = ({ _id, seq }: Json) => ({ messageId: String(_id), seq: Number(seq) })
      const answer = await client.perform(wanted, () => client.post(room, body), learn)
      if (answer.outcome === 'acknowledged') {
        own.push({ room, messageId: String(answer.result._id) })
        if (own.length > RECENT) own.shift()
        return
      }
      await wait(random.between(RETRY_MS, 2 * RETRY_MS))
    }
  }

  const learnPlace = ({ evSeq }: Json) => ({ evSeq: Number(evSeq) })

  async function change(recalls: boolean): Promise<void> {
    if (own.length === 0) return
    const target = random.pick(own)
    if (recalls) own.splice(own.indexOf(target), 1)
    const { room, messageId } = target
    const text = `${id}-${++written} edited`
    const body = { _id: messageId, ...(recalls ? { messageType: 'recall' } : { message: text }) }
    const wanted = recalls
      ? ({ kind: 'recall', room, messageId } as const)
      : ({ kind: 'edit', room, messageId, text } as const)
    await client.perform(wanted, () => client.post(room, body), learnPlace)
  }

  async function markRead(): Promise<void> {
    const room = random.pick(rooms)
    const messages = client.messages(room).slice(-RECENT)
    if (messages.length === 0) return
    const messageId = random.pick(messages).id
    const wanted = { kind: 'mark-read', room, messageId } as const
    await client.perform(wanted, () => client.call('PUT', `/rooms/${room}/lastRead`, { message: messageId }))
  }

  /** Its own, or one that is not: what it is shown, it has seen. */
  async function read(room: string): Promise<void> {
    const by = client.credential()
    const path = `/rooms/${room}/messages/v3?limit=20`
    const { outcome, result } = await client.perform({ kind: 'ask', what: 'read' }, () =>
      client.call('GET', path),
    )
    if (outcome === 'acknowledged')
      for (const { _id } of asList(result.data)) client.see(room, String(_id), 'http', by)
  }

  async function act(): Promise<void> {
    while (acting) {
      await wait(random.between(thinkMs.least, thinkMs.most))
      if (!acting) return
      const draw = random.next()
      if (draw < 0.55) await send()
      else if (draw < 0.68) await change(false)
      else if (draw < 0.73) await change(true)
      else if (draw < 0.88) await markRead()
      else if (draw < 0.93) await read(random.pick(rooms))
      else if (draw < 0.95 && foreignRooms.length > 0) await read(random.pick(foreignRooms))
      else if (draw < 0.97) await client.synchronise()
      else client.disconnect()
    }
  }

  const finished = act()
  return {
    id,
    ...client,
    async finish(deadlineMs) {
      acting = false
      giveUpAtMs = deadlineMs
      await finished
    },
    view: () => Object.fromEntries(rooms.map((room) => [room, client.messages(room)])),
  }
}

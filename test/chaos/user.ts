/** A simulated user: a client by the documented contract, and a person who writes, edits, recalls and reads. */
import { asList, asObject, type Json } from '../support/api-client.ts'
import type { Administrator, Credential } from './administrator.ts'
import { type Answer, ask, outcomeOf, wait } from './caller.ts'
import { type ChatSocket, openChatSocket, SOCKET_KINDS } from './chat-socket.ts'
import type { Operation, SeenMessage, Sighting } from './history.ts'
import type { Random } from './random.ts'
import { createRoomView, messageOf, type RoomView } from './room-view.ts'

export type Recorder = { operations: Operation[]; sightings: Sighting[] }

export type ChaosUser = {
  id: string
  credential(): Credential
  /** What it presents from now on; its open socket stays as it is. */
  present(credential: Credential): void
  /** Ends the acting: what is not acknowledged is still repeated until it is, or until the deadline. */
  finish(deadlineMs: number): Promise<void>
  /** As after being away: asks once for everything. @returns how many rooms had moved */
  synchronise(): Promise<number>
  view(): Record<string, SeenMessage[]>
  close(): void
  counts: { catchUps: number; resets: number; connections: number; repeats: number }
}

type Parts = {
  id: string
  credential: Credential
  rooms: readonly string[]
  /** Of which it is no member. */
  foreignRooms: readonly string[]
  entrances: readonly string[]
  clientKey: string
  administrator: Administrator
  random: Random
  recorder: Recorder
  timeoutMs: number
  thinkMs: { least: number; most: number }
}

const RECENT = 10
const PAGE = 100
const RETRY_MS = 200

export function startUser(parts: Parts): ChaosUser {
  const { id, rooms, foreignRooms, entrances, clientKey, administrator, random, recorder, timeoutMs } = parts
  let credential = parts.credential
  let acting = true
  let closed = false
  let giveUpAtMs = Infinity
  let written = 0
  let live: ChatSocket | undefined
  const sockets = new Set<ChatSocket>()
  const views = new Map<string, RoomView>(rooms.map((room) => [room, createRoomView()]))
  const catchingUp = new Map<string, { again: boolean; done: Promise<void> }>()
  const own: Array<{ room: string; messageId: string }> = []
  const counts = { catchUps: 0, resets: 0, connections: 0, repeats: 0 }

  const call = (method: string, path: string, body?: Json): Promise<Answer> => {
    const headers = { 'IM-Client-Key': clientKey, 'IM-Authorization': credential.token }
    return ask(random.pick(entrances), headers, { method, path, body, timeoutMs })
  }

  async function renew(refused: Credential): Promise<void> {
    if (credential !== refused) return
    const issued = await administrator.issue(id)
    if (credential === refused) credential = issued
  }

  type Wanted = Operation extends infer One
    ? One extends Operation
      ? Omit<One, 'user' | 'credential' | 'startedAtMs' | 'endedAtMs' | 'outcome'>
      : never
    : never

  /** Writes down what was asked and what came of it. */
  async function perform(wanted: Wanted, act: () => Promise<Answer>, learn?: (result: Json) => object) {
    const presented = credential
    const startedAtMs = Date.now()
    const answer = await act()
    const learnt = answer.outcome === 'acknowledged' ? learn?.(answer.result) : undefined
    const asked = { user: id, credential: presented.name, startedAtMs, endedAtMs: Date.now() }
    recorder.operations.push({ ...wanted, ...learnt, ...asked, outcome: answer.outcome })
    if (answer.status === 401) await renew(presented)
    return answer
  }

  function see(room: string, messageId: string, via: Sighting['via'], by: Credential): void {
    recorder.sightings.push({ user: id, credential: by.name, via, room, messageId, atMs: Date.now() })
  }

  /** One at a time for a room; what shows a gap meanwhile makes it ask again. */
  function catchUp(room: string): Promise<void> {
    const running = catchingUp.get(room)
    if (running !== undefined) {
      running.again = true
      return running.done
    }
    const entry = { again: false, done: Promise.resolve() }
    catchingUp.set(room, entry)
    entry.done = (async () => {
      do {
        entry.again = false
        while (!(await catchUpOnce(room))) if (closed) break
      } while (entry.again && !closed)
      catchingUp.delete(room)
    })()
    return entry.done
  }

  /** @returns whether it is where the room was. */
  async function catchUpOnce(room: string): Promise<boolean> {
    const view = views.get(room)
    if (view === undefined) return true
    counts.catchUps += 1
    const by = credential
    const { seq, evSeq } = view.position()
    const path = `/rooms/${room}/events?after=${evSeq}&afterSeq=${seq}&limit=${PAGE}`
    const what = { kind: 'ask', what: 'catch-up' } as const
    const { outcome, result } = await perform(what, () => call('GET', path))
    if (outcome !== 'acknowledged') {
      await wait(RETRY_MS)
      return false
    }
    const head = { seq: Number(result.seq), evSeq: Number(result.evSeq) }
    if (result.reset === true) return startAnew(room, view, head)
    const messages = asList(result.messages).map(messageOf)
    const events = asList(result.events)
    const changed = events.flatMap(({ message }) => (message ? messageOf(asObject(message)) : []))
    for (const message of [...messages, ...changed]) {
      see(room, message.id, 'http', by)
      view.take(message)
    }
    const place = {
      seq: messages.length < PAGE ? head.seq : (messages.at(-1)?.seq ?? head.seq),
      evSeq: events.length < PAGE ? head.evSeq : Number(events.at(-1)?.evSeq),
    }
    view.moveTo(place)
    return place.seq >= head.seq && place.evSeq >= head.evSeq
  }

  async function startAnew(room: string, view: RoomView, head: { seq: number; evSeq: number }) {
    counts.resets += 1
    const messages: SeenMessage[] = []
    for (;;) {
      const before = messages.at(-1)?.id
      const path = `/rooms/${room}/messages?limit=${PAGE}${before === undefined ? '' : `&beforeMessage=${before}`}`
      const by = credential
      const what = { kind: 'ask', what: 'list' } as const
      const { outcome, result } = await perform(what, () => call('GET', path))
      if (outcome !== 'acknowledged') return false
      const page = asList(result.data).map(messageOf)
      for (const { id } of page) see(room, id, 'http', by)
      messages.push(...page)
      if (page.length < PAGE) break
    }
    view.clear()
    for (const message of messages) view.take(message)
    view.moveTo(head)
    // What came over the socket while the pages were read was dropped with the rest.
    return false
  }

  function catchUpWhereMoved(positions: Json): Promise<unknown> {
    const moved = Object.entries(positions).filter(([room, at]) => {
      const mine = views.get(room)?.position()
      const { seq, evSeq } = asObject(at)
      return mine !== undefined && (Number(seq) > mine.seq || Number(evSeq) > mine.evSeq)
    })
    return Promise.all(moved.map(([room]) => catchUp(room)))
  }

  async function synchronise(): Promise<number> {
    for (;;) {
      const known = Object.fromEntries([...views].map(([room, view]) => [room, view.position()]))
      const what = { kind: 'ask', what: 'sync' } as const
      const { outcome, result } = await perform(what, () => call('POST', '/sync', { rooms: known }))
      if (outcome === 'acknowledged') {
        const moved = Object.keys(asObject(result.rooms))
        await Promise.all(moved.map(catchUp))
        return moved.length
      }
      if (Date.now() > giveUpAtMs) return 0
      await wait(RETRY_MS)
    }
  }

  function connect(): void {
    if (closed) return
    counts.connections += 1
    const by = credential
    const socket = openChatSocket(random.pick(entrances), random.pick(SOCKET_KINDS), timeoutMs, {
      opened: (opened) => void authenticate(opened, by),
      event(name, payload) {
        if (name === 'positions') return void catchUpWhereMoved(asObject(payload.rooms))
        const room = String(payload.room)
        const message = messageOf(payload)
        see(room, message.id, 'socket', by)
        if (views.get(room)?.take(message)) void catchUp(room)
      },
      closed() {
        sockets.delete(socket)
        if (live !== socket) return
        live = undefined
        setTimeout(connect, random.between(50, 400))
      },
    })
    sockets.add(socket)
    live = socket
  }

  async function authenticate(socket: ChatSocket, by: Credential): Promise<void> {
    await socket.emit('conf', { positions: true })
    const startedAtMs = Date.now()
    const given = { CLIENT_KEY: clientKey, Authorization: by.token }
    const { RC, result } = await socket.emit('auth2', by.token, given)
    const outcome = RC === 0 ? 'acknowledged' : outcomeOf(RC)
    const asked = { user: id, credential: by.name, startedAtMs, endedAtMs: Date.now(), outcome }
    recorder.operations.push({ kind: 'ask', what: 'open a socket', ...asked })
    if (RC === 401) await renew(by)
    if (RC !== 0) return socket.close()
    await catchUpWhereMoved(asObject(asObject(result.positions).rooms))
  }

  const post = async (room: string, body: Json): Promise<Answer> => {
    if (live === undefined || random.chance(0.5)) return call('POST', `/rooms/${room}/message`, body)
    const { RC, result } = await live.emit('chat message', { ...body, room })
    return { outcome: RC === 0 ? 'acknowledged' : outcomeOf(RC), status: RC, result }
  }

  async function send(): Promise<void> {
    const room = random.pick(rooms)
    const key = `${id}-${++written}`
    const text = `${key} posted`
    for (let attempt = 0; Date.now() < giveUpAtMs; attempt++) {
      if (attempt > 0) counts.repeats += 1
      const body = { messageType: 'text', message: text, clientMessageID: key }
      const wanted = { kind: 'send', room, key, text } as const
      const learn = ({ _id, seq }: Json) => ({ messageId: String(_id), seq: Number(seq) })
      const answer = await perform(wanted, () => post(room, body), learn)
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
    await perform(wanted, () => post(room, body), learnPlace)
  }

  async function markRead(): Promise<void> {
    const room = random.pick(rooms)
    const messages = views.get(room)?.messages().slice(-RECENT) ?? []
    if (messages.length === 0) return
    const messageId = random.pick(messages).id
    const wanted = { kind: 'mark-read', room, messageId } as const
    await perform(wanted, () => call('PUT', `/rooms/${room}/lastRead`, { message: messageId }))
  }

  /** Its own, or one that is not: what it is shown, it has seen. */
  async function read(room: string): Promise<void> {
    const by = credential
    const path = `/rooms/${room}/messages/v3?limit=20`
    const { outcome, result } = await perform({ kind: 'ask', what: 'read' }, () => call('GET', path))
    if (outcome === 'acknowledged')
      for (const { _id } of asList(result.data)) see(room, String(_id), 'http', by)
  }

  async function act(): Promise<void> {
    const { thinkMs } = parts
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
      else if (draw < 0.97) await synchronise()
      else live?.close()
    }
  }

  connect()
  const finished = act()
  return {
    id,
    credential: () => credential,
    present(next) {
      credential = next
    },
    async finish(deadlineMs) {
      acting = false
      giveUpAtMs = deadlineMs
      await finished
    },
    synchronise,
    view: () => Object.fromEntries([...views].map(([room, view]) => [room, view.messages()])),
    close() {
      closed = true
      live = undefined
      for (const socket of [...sockets]) socket.close()
    },
    counts,
  }
}

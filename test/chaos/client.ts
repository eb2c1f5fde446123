/** A client by the documented contract: presents its credential, keeps its rooms, reconnects, catches up. */
import { asList, asObject, type Json } from '../support/api-client.ts'
import type { Administrator, Credential } from './administrator.ts'
import { type Answer, ask, outcomeOf, wait } from './caller.ts'
import { type ChatSocket, openChatSocket, SOCKET_KINDS } from './chat-socket.ts'
import type { Operation, SeenMessage, Sighting } from './history.ts'
import type { Random } from './random.ts'
import { createRoomView, messageOf, type RoomView } from './room-view.ts'

export type Recorder = { operations: Operation[]; sightings: Sighting[] }

export type ClientCounts = { catchUps: number; resets: number; connections: number; repeats: number }

/** An operation before it is asked for. */
export type Wanted = Operation extends infer One
  ? One extends Operation
    ? Omit<One, 'user' | 'credential' | 'startedAtMs' | 'endedAtMs' | 'outcome'>
    : never
  : never

export type ChaosClient = {
  credential(): Credential
  /** What it presents from now on; its open socket stays as it is. */
  present(credential: Credential): void
  call(method: string, path: string, body?: Json): Promise<Answer>
  /** Posts or changes a message, over the socket or by HTTP. */
  post(room: string, body: Json): Promise<Answer>
  /** Writes down what was asked and what came of it. */
  perform(wanted: Wanted, act: () => Promise<Answer>, learn?: (result: Json) => object): Promise<Answer>
  see(room: string, messageId: string, via: Sighting['via'], by: Credential): void
  messages(room: string): SeenMessage[]
  /** As after being away: asks once for everything. @returns how many rooms had moved */
  synchronise(): Promise<number>
  /** Of which it hears soon, and connects anew. */
  disconnect(): void
  close(): void
  counts: ClientCounts
}

export type ClientParts = {
  id: string
  credential: Credential
  rooms: readonly string[]
  entrances: readonly string[]
  clientKey: string
  administrator: Administrator
  random: Random
  recorder: Recorder
  timeoutMs: number
}

const PAGE = 100
export const RETRY_MS = 200

export function openClient(parts: ClientParts): ChaosClient {
  const { id, rooms, entrances, clientKey, administrator, random, recorder, timeoutMs } = parts
  let credential = parts.credential
  let closed = false
  let live: ChatSocket | undefined
  const sockets = new Set<ChatSocket>()
  const views = new Map<string, RoomView>(rooms.map((room) => [room, createRoomView()]))
  const catchingUp = new Map<string, { again: boolean; done: Promise<void> }>()
  const counts: ClientCounts = { catchUps: 0, resets: 0, connections: 0, repeats: 0 }

  const call = (method: string, path: string, body?: Json): Promise<Answer> => {
    const headers = { 'IM-Client-Key': clientKey, 'IM-Authorization': credential.token }
    return ask(random.pick(entrances), headers, { method, path, body, timeoutMs })
  }

  async function renew(refused: Credential): Promise<void> {
    if (credential !== refused) return
    const issued = await administrator.issue(id)
    if (credential === refused) credential = issued
  }

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
      if (closed) return 0
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

  connect()
  return {
    credential: () => credential,
    present(next) {
      credential = next
    },
    call,
    post,
    perform,
    see,
    messages: (room) => views.get(room)?.messages() ?? [],
    synchronise,
    disconnect() {
      live?.close()
    },
    close() {
      closed = true
      live = undefined
      for (const socket of [...sockets]) socket.close()
    },
    counts,
  }
}

/** Comes and goes without end: requests, sockets of every kind, and both left in the middle. */
import { ask, wait } from '../chaos/caller.ts'
import { openChatSocket, SOCKET_KINDS } from '../chaos/chat-socket.ts'
import type { Random } from '../chaos/random.ts'
import { openRaw, requestText } from '../support/raw-http.ts'
import { leaveAt, type Place, STAGES, WAYS } from './stages.ts'

export type Counts = Record<
  'requests' | 'refused' | 'left requests' | 'sockets' | 'left sockets' | 'failed',
  number
>

export type Churn = { counts: Counts; stop(): Promise<void> }

export type ChurnParts = {
  url: string
  clientKey: string
  tokens: readonly string[]
  room: string
  random: Random
  /** At once. */
  visitors: number
  thinkMs: { least: number; most: number }
}

const TIMEOUT_MS = 10_000

export function startChurn(parts: ChurnParts): Churn {
  const { url, clientKey, tokens, room, random, visitors, thinkMs } = parts
  const counts: Counts = {
    requests: 0,
    refused: 0,
    'left requests': 0,
    sockets: 0,
    'left sockets': 0,
    failed: 0,
  }
  let stopped = false

  async function request(token: string): Promise<void> {
    const headers = { 'IM-Client-Key': clientKey, 'IM-Authorization': token }
    const { status } = await ask(url, headers, { method: 'GET', path: '/me', timeoutMs: TIMEOUT_MS })
    if (status === 0) throw new Error('no answer')
  }

  async function leaveRequest(token: string): Promise<void> {
    const connection = await openRaw(url)
    const fields = [`IM-Client-Key: ${clientKey}`, `IM-Authorization: ${token}`, 'Content-Length: 100']
    const whole = requestText(`POST /rooms/${room}/message HTTP/1.1`, fields, '{"messageType":')
    connection.write(whole.slice(0, random.between(1, whole.length)))
    await wait(random.between(0, 30))
    connection[random.pick(['destroy', 'reset'] as const)]()
  }

  function talk(token: string): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    openChatSocket(url, random.pick(SOCKET_KINDS), TIMEOUT_MS, {
      async opened(socket) {
        const given = { CLIENT_KEY: clientKey, Authorization: token }
        const { RC } = await socket.emit('auth2', token, given)
        const sent =
          RC === 0 && (await socket.emit('chat message', { room, messageType: 'text', message: 'soak' }))
        if (sent && sent.RC === 0) resolve()
        socket.close()
      },
      event() {},
      closed: () => reject(new Error('closed')),
    })
    return promise
  }

  async function visit(): Promise<void> {
    const token = random.pick(tokens)
    const place: Place = { url, clientKey, token }
    const draw = random.next()
    const [what, act]: [keyof Counts, () => Promise<void>] =
      draw < 0.2
        ? ['requests', () => request(token)]
        : draw < 0.3
          ? ['refused', () => request(`nobody-${random.next()}`)]
          : draw < 0.4
            ? ['left requests', () => leaveRequest(token)]
            : draw < 0.6
              ? ['sockets', () => talk(token)]
              : ['left sockets', () => leaveAt(random.pick(STAGES), random.pick(WAYS), place)]
    // A connection that the other side's churn has cut is what this is about.
    await act().then(
      () => counts[what]++,
      () => counts.failed++,
    )
  }

  async function come(): Promise<void> {
    while (!stopped) {
      await visit()
      await wait(random.between(thinkMs.least, thinkMs.most))
    }
  }

  const coming = Promise.all(Array.from({ length: visitors }, come))
  return {
    counts,
    async stop() {
      stopped = true
      await coming
    },
  }
}

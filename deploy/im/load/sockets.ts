import { FailedError } from '../command.ts'
import type { Person } from './people.ts'

export type Sockets = {
  /** How many were lost since they were connected. */
  lost(): number
  close(): void
}

export type SocketsOptions = {
  url: string
  clientKey: string
  people: readonly Person[]
  onMessage(person: Person, message: { id: unknown; text: unknown }): void
  onConnected(count: number): void
  stopped: AbortSignal
}

const ACK_WITHIN_MS = 15_000
/** At once, so that the server is not met by all of them in the same instant. */
const AT_ONCE = 20

/** One signed-in socket for each. @throws FailedError where one is refused */
export async function connectAll({
  url,
  clientKey,
  people,
  onMessage,
  onConnected,
  stopped,
}: SocketsOptions): Promise<Sockets> {
  const { io } = await import('socket.io-client').catch((cause) => {
    throw new FailedError('socket.io-client is not installed: npm ci, with development dependencies', {
      cause,
    })
  })
  const open: { close(): unknown }[] = []
  const waiting = [...people]
  let connected = 0
  let lost = 0
  let closing = false

  const connect = (person: Person) =>
    new Promise<void>((resolve, reject) => {
      const socket = io(url, {
        transports: ['websocket'],
        forceNew: true,
        reconnection: false,
        timeout: ACK_WITHIN_MS,
      })
      open.push(socket)
      const headers = { 'IM-Client-Key': clientKey, 'IM-Authorization': person.token }
      socket.on('chat message', (message: { _id?: unknown; message?: unknown }) =>
        onMessage(person, { id: message?._id, text: message?.message }),
      )
      socket.on('connect_error', (cause: Error) =>
        reject(new FailedError(`a socket could not be opened at ${url}: ${cause.message}`, { cause })),
      )
      socket.on('disconnect', () => {
        if (!closing) lost++
        reject(new FailedError('a socket was closed before it was signed in'))
      })
      socket.on('connect', () => {
        socket
          .timeout(ACK_WITHIN_MS)
          .emit('auth2', person.token, headers, (late: unknown, answer: { RC?: unknown } | undefined) => {
            if (!late && answer?.RC === 0) {
              onConnected(++connected)
              resolve()
            } else
              reject(
                new FailedError(
                  `a socket was not signed in: ${late ? 'no answer' : `RC ${answer?.RC}; is the client key right?`}`,
                ),
              )
          })
      })
    })

  async function lane(): Promise<void> {
    for (let person = waiting.shift(); person !== undefined && !stopped.aborted; person = waiting.shift())
      await connect(person)
  }

  const close = () => {
    closing = true
    for (const socket of open) socket.close()
  }
  try {
    await Promise.all(Array.from({ length: AT_ONCE }, lane))
  } catch (error) {
    close()
    throw error
  }
  return { lost: () => lost, close }
}

import type { Logger } from 'pino'
import type { Socket } from 'socket.io'
import { AUTH_EVENTS } from '#contract/socket-auth.ts'
import { CoreError } from '../errors.ts'
import { DatabaseError } from '../store/database.ts'
import { failure, ok } from '../wire/envelope.ts'
import type { ChatOperations } from './chat-operations.ts'
import { decodeTypingText, encode } from './encoding.ts'
import type { Membership } from './membership.ts'
import type { NamedIdentity, Session } from './sessions.ts'
import { failedAuth, type SocketAuthentication } from './socket-authentication.ts'
import type { TraceEvent } from './socket-traces.ts'
import type { TokenBucket } from './token-bucket.ts'

type Parts = {
  authentication: SocketAuthentication
  membership: Membership
  chat: ChatOperations
  /** Ends the connection below Socket.IO. */
  cut: (session: Session) => void
  log: Logger
  /** Undefined where nothing is traced. */
  trace?: TraceEvent | undefined
}

type Ack = ((...args: unknown[]) => void) | undefined

const MAX_QUEUED_EVENTS = 200
/** SQLSTATE class 22. */
const DATA_EXCEPTION = '22'

/** What a socket has under way. */
type Line = { socket: Socket; session: Session; bucket: TokenBucket; last: Promise<void>; queued: number }
type Listener = (line: Line, args: unknown[], ack: Ack) => void

const NOTHING_UNDER_WAY = Promise.resolve()

/**
 * Listens to what shipped clients emit (contract: realtime §1.4); every other event is ignored. One listener for all
 * events of a socket, and one table for all sockets: closures for each would be a tenth of an idle socket's memory.
 */
export function buildClientListener(
  parts: Parts,
): (socket: Socket, session: Session, bucket: TokenBucket) => void {
  const { authentication, membership, chat, cut, log, trace } = parts
  const listeners = new Map<string, Listener>()

  /** One after the other, as they were emitted: messages keep their order, and follow the `auth` before them. */
  function inTurn(line: Line, ack: Ack, work: () => Promise<void>): void {
    if (line.queued >= MAX_QUEUED_EVENTS) {
      ack?.(failure('TOO_MANY_REQUESTS'))
      return
    }
    line.queued += 1
    line.last = line.last
      .then(work)
      .catch((error: unknown) => ack?.(failureOf(error)))
      .catch((err: unknown) => log.error({ err, reason: 'ACK_FAILED' }, 'a socket could not be answered'))
      .finally(() => {
        line.queued -= 1
      })
  }

  const traced = (
    session: Session,
    event: string,
    argument: unknown,
    work: () => Promise<void>,
  ): (() => Promise<void>) => (trace === undefined ? work : () => trace(session, event, argument, work))

  function failureOf(error: unknown): object {
    if (error instanceof CoreError) return failure(error.code, error.detail)
    // An id that no text column takes: a NUL, half a surrogate pair.
    if (error instanceof DatabaseError && error.sqlState.startsWith(DATA_EXCEPTION))
      return failure('INVALID_REQUEST')
    log.error({ err: error, reason: 'INTERNAL' }, 'a socket event failed')
    return failure('INTERNAL')
  }

  function onCommand(
    event: string,
    command: (identity: NamedIdentity, args: unknown[]) => Promise<unknown>,
  ): void {
    listeners.set(event, (line, args, ack) => {
      const { session } = line
      const work = async () => {
        const { identity } = session
        if (identity.kind === 'anonymous') return ack?.(failure('UNAUTHORIZED'))
        const result = await command(identity, args)
        ack?.(ok(result))
      }
      inTurn(line, ack, traced(session, event, undefined, work))
    })
  }

  listeners.set('conf', ({ session }, [conf], ack) => {
    if (!isRecord(conf)) throw new CoreError('INVALID_REQUEST')
    membership.changeEncoding(session, conf.encoding === 'base64' ? 'base64' : 'plain')
    session.wantsPositions = conf.positions === true
    ack?.()
  })

  for (const event of AUTH_EVENTS)
    listeners.set(event, (line, [argument], ack) => {
      const { session } = line
      const work = async () => {
        const answer = await authentication.authenticate(session, argument).catch((error: unknown) => {
          if (!(error instanceof CoreError)) failureOf(error)
          return failedAuth(error)
        })
        if (ack !== undefined) ack(encode(answer, session.encoding))
        // Who cannot be told that the server failed would wait forever; a closed connection makes it try again.
        else if (answer.RC >= 500) cut(session)
      }
      inTurn(line, ack, traced(session, event, argument, work))
    })

  onCommand('chat message', async (identity, [payload]) => {
    if (!isRecord(payload)) throw new CoreError('INVALID_MESSAGE_FORMAT')
    return chat.sendMessage(identity, payload)
  })

  onCommand('typing', async (identity, [roomId, text]) => {
    if (typeof roomId !== 'string' || roomId === '') throw new CoreError('INVALID_REQUEST')
    if (text !== undefined && text !== null && typeof text !== 'string')
      throw new CoreError('INVALID_REQUEST')
    await chat.sendTyping(identity, { roomId, text: decodeTypingText(text ?? '') })
    return {}
  })

  // Clients of the EIO3 age watch the connection by an event of their own.
  listeners.set('ping', ({ socket }) => void socket.emit('pong'))

  function hear(line: Line, event: unknown, args: unknown[]): void {
    const listener = typeof event === 'string' ? listeners.get(event) : undefined
    if (listener === undefined) return
    const final = args.at(-1)
    const ack = typeof final === 'function' ? (final as Ack) : undefined
    if (ack !== undefined) args.pop()
    try {
      if (line.bucket.take()) listener(line, args, ack)
      else ack?.(failure('TOO_MANY_REQUESTS'))
    } catch (error) {
      ack?.(failureOf(error))
    }
  }

  return (socket, session, bucket) => {
    const line: Line = { socket, session, bucket, last: NOTHING_UNDER_WAY, queued: 0 }
    socket.onAny((event: unknown, ...args: unknown[]) => hear(line, event, args))
  }
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value) && !Buffer.isBuffer(value)

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
import type { TokenBucket } from './token-bucket.ts'

type Parts = {
  authentication: SocketAuthentication
  membership: Membership
  chat: ChatOperations
  /** Ends the connection below Socket.IO. */
  cut: (session: Session) => void
  log: Logger
}

type Ack = ((...args: unknown[]) => void) | undefined

const MAX_QUEUED_EVENTS = 200
/** SQLSTATE class 22. */
const DATA_EXCEPTION = '22'

/** Listens to what shipped clients emit (contract: realtime §1.4); every other event is ignored. */
export function listenToClient(socket: Socket, session: Session, bucket: TokenBucket, parts: Parts): void {
  const { authentication, membership, chat, cut, log } = parts
  let last: Promise<void> = Promise.resolve()
  let queued = 0

  /** One after the other, as they were emitted: messages keep their order, and follow the `auth` before them. */
  function inTurn(ack: Ack, work: () => Promise<void>): void {
    if (queued >= MAX_QUEUED_EVENTS) {
      ack?.(failure('TOO_MANY_REQUESTS'))
      return
    }
    queued += 1
    last = last
      .then(work)
      .catch((error: unknown) => ack?.(failureOf(error)))
      .catch((err: unknown) => log.error({ err, reason: 'ACK_FAILED' }, 'a socket could not be answered'))
      .finally(() => {
        queued -= 1
      })
  }

  function failureOf(error: unknown): object {
    if (error instanceof CoreError) return failure(error.code, error.detail)
    // An id that no text column takes: a NUL, half a surrogate pair.
    if (error instanceof DatabaseError && error.sqlState.startsWith(DATA_EXCEPTION))
      return failure('INVALID_REQUEST')
    log.error({ err: error, reason: 'INTERNAL' }, 'a socket event failed')
    return failure('INTERNAL')
  }

  function on(event: string, listener: (args: unknown[], ack: Ack) => void): void {
    socket.on(event, (...args: unknown[]) => {
      const final = args.at(-1)
      const ack = typeof final === 'function' ? (final as Ack) : undefined
      if (ack !== undefined) args.pop()
      try {
        if (bucket.take()) listener(args, ack)
        else ack?.(failure('TOO_MANY_REQUESTS'))
      } catch (error) {
        ack?.(failureOf(error))
      }
    })
  }

  function onCommand(
    event: string,
    command: (identity: NamedIdentity, args: unknown[]) => Promise<unknown>,
  ): void {
    on(event, (args, ack) =>
      inTurn(ack, async () => {
        const { identity } = session
        if (identity.kind === 'anonymous') return ack?.(failure('UNAUTHORIZED'))
        const result = await command(identity, args)
        ack?.(ok(result))
      }),
    )
  }

  on('conf', ([conf], ack) => {
    if (!isRecord(conf)) throw new CoreError('INVALID_REQUEST')
    membership.changeEncoding(session, conf.encoding === 'base64' ? 'base64' : 'plain')
    session.wantsPositions = conf.positions === true
    ack?.()
  })

  for (const event of AUTH_EVENTS)
    on(event, ([argument], ack) =>
      inTurn(ack, async () => {
        const answer = await authentication.authenticate(session, argument).catch((error: unknown) => {
          if (!(error instanceof CoreError)) failureOf(error)
          return failedAuth(error)
        })
        if (ack !== undefined) ack(encode(answer, session.encoding))
        // Who cannot be told that the server failed would wait forever; a closed connection makes it try again.
        else if (answer.RC >= 500) cut(session)
      }),
    )

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
  on('ping', () => void socket.emit('pong'))
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value) && !Buffer.isBuffer(value)

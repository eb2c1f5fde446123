import type { Logger } from 'pino'
import type { ClientIdentity, PlatformIdentity } from '#contract/identity.ts'
import { CoreError } from '../errors.ts'
import type { Database } from '../store/database.ts'
import type { NewMessage } from '../store/messages.ts'
import type { AppConfigs } from './app-configs.ts'
import type { Publish } from './events.ts'
import type { Message } from './model.ts'

export type ChatSettings = {
  /** Whether a group is entered by invitation only, where a request does not say. */
  invitationRequired: boolean
  /** Whether a client key alone signs anyone in. */
  sandbox: boolean
}

export type Sent = {
  /** Undefined where the store refused it. */
  message: Message | undefined
  /** Its sender had sent it before, under the same client id. */
  repeated: boolean
  /** Its sender's read mark went past messages of others with it. */
  passedOthers: boolean
}

/** New messages on their way into the store. */
export type Sends = {
  /** Resolves after the commit, in the order of seq within a room. */
  post(app: string, message: NewMessage, at: Date): Promise<Sent>
}

/** Live sockets, of all cores where they know of each other. */
export type Connections = {
  count(app: string): Promise<number>
  /** The most at once during the last hour. */
  peak(app: string): Promise<number>
}

/** As its app's customer may see it: nothing here opens anything. */
export type LiveSocket = {
  id: string
  /** The core that holds it. */
  node: string
  kind: 'client' | 'platform' | 'anonymous'
  userId?: string | undefined
  deviceId?: string | undefined
  transport: string
  connectedAtMs: number
  /** The first characters of the digest that names its credential. */
  credential?: string | undefined
}

/** Newest first; `before` is the id of the last one seen. */
export type SocketPage = { userId?: string | undefined; before?: string | undefined; limit: number }

/** The sockets of an app, of all cores that can be asked. */
export type LiveSockets = {
  list(app: string, page: SocketPage): Promise<{ sockets: LiveSocket[]; isComplete: boolean }>
  /** Which of these users have a socket; those of cores that did not answer are missing. Never fails. */
  connected(app: string, userIds: readonly string[]): Promise<{ userIds: Set<string>; isComplete: boolean }>
  /** Unknown: nobody has it who answered, but not every core did. */
  cut(app: string, id: string): Promise<'cut' | 'absent' | 'unknown'>
}

/** What every operation needs. Inside a transaction only its `tx` may be queried, never `db`. */
export type ChatContext = {
  db: Database
  publish: Publish
  clock: () => number
  newId: () => string
  sends: Sends
  settings: ChatSettings
  configs: AppConfigs
  connections: Connections
  liveSockets: LiveSockets
  /** What other products of the deployment count as unread; never fails, and never waits long. */
  otherUnread?: (userId: string) => Promise<number>
  log: Logger
}

/** Who acts: a user, or a customer's server, perhaps for a user. */
export type Actor = ClientIdentity | PlatformIdentity

/** @throws CoreError ACTING_USER_REQUIRED for a platform key that acts for nobody. */
export function actingUser(actor: Actor): string {
  if (actor.userId === undefined) throw new CoreError('ACTING_USER_REQUIRED')
  return actor.userId
}

export const now = (ctx: ChatContext): Date => new Date(ctx.clock())

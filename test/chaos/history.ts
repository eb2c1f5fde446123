/** What a run leaves behind, in words of the public API alone. Times are milliseconds of one clock. */

/** `unknown`: no answer, or one that does not say whether it was done. */
export type Outcome = 'acknowledged' | 'refused' | 'unknown'

type Asked = {
  user: string
  credential: string
  startedAtMs: number
  endedAtMs: number
  outcome: Outcome
}

/** One attempt; a repeated send is several of one `key`. */
export type Operation = Asked &
  (
    | { kind: 'send'; room: string; key: string; text: string; messageId?: string; seq?: number }
    | { kind: 'edit'; room: string; messageId: string; text: string; evSeq?: number }
    | { kind: 'recall'; room: string; messageId: string; evSeq?: number }
    | { kind: 'mark-read'; room: string; messageId: string }
    /** Whatever else needs a credential: reading, opening a socket. */
    | { kind: 'ask'; what: string }
  )

/** A message reached a user: pushed over a socket, or in an answer. */
export type Sighting = {
  user: string
  credential: string
  via: 'socket' | 'http'
  room: string
  messageId: string
  atMs: number
}

export type SeenMessage = {
  id: string
  seq: number
  evSeq: number
  sender: string
  messageType: string
  text: string
}

export type StoredMessage = SeenMessage & { clientMessageId: string | undefined }

export type FinalRoom = {
  members: readonly string[]
  /** In the order in which the server lists them, the oldest first. */
  messages: readonly StoredMessage[]
  /** As each member is told. */
  reading: Readonly<Record<string, { unread: number; lastRead: string | undefined }>>
}

export type WebhookCall = {
  room: string
  eventId: string
  messageId: string
  accepted: boolean
  atMs: number
}

/** For so long after its answer a request may still be admitted, and a socket still hear. */
export type Revocation = { credential: string; answeredAtMs: number; requestMs: number; socketMs: number }

export type History = {
  operations: readonly Operation[]
  sightings: readonly Sighting[]
  /** By user and room: live events and catch-up merged, as the user would show them. */
  views: Readonly<Record<string, Readonly<Record<string, readonly SeenMessage[]>>>>
  revocations: readonly Revocation[]
  webhooks: readonly WebhookCall[]
  /** By room, read over the public API when all was quiet again. */
  final: Readonly<Record<string, FinalRoom>>
}

/** Reading what the outbox's rows say. */
type Payload = Record<string, unknown>

export const textOf = (value: unknown): string => (typeof value === 'string' ? value : '')

export const messageIdOf = ({ messageId }: Payload): string | undefined =>
  typeof messageId === 'string' ? messageId : undefined

export const userIdsOf = ({ userIds }: Payload): string[] =>
  Array.isArray(userIds) ? userIds.filter((id) => typeof id === 'string') : []

/** Whose sockets are concerned: with a group that is named come and go its users. */
export const reachedOf = (payload: Payload): string[] =>
  Array.isArray(payload.reached) ? userIdsOf({ userIds: payload.reached }) : userIdsOf(payload)

/** Who acted; undefined where a customer's server did, for nobody. */
export const actorOf = ({ by }: Payload): string | undefined => (typeof by === 'string' ? by : undefined)

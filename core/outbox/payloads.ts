/** Reading what the outbox's rows say. */
type Payload = Record<string, unknown>

export const textOf = (value: unknown): string => (typeof value === 'string' ? value : '')

export const messageIdOf = ({ messageId }: Payload): string | undefined =>
  typeof messageId === 'string' ? messageId : undefined

export const userIdsOf = ({ userIds }: Payload): string[] =>
  Array.isArray(userIds) ? userIds.filter((id) => typeof id === 'string') : []

/** Who acted; undefined where a customer's server did, for nobody. */
export const actorOf = ({ by }: Payload): string | undefined => (typeof by === 'string' ? by : undefined)

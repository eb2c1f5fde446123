import { hash } from 'node:crypto'

export type Pair = readonly [string, string]

export const pairOf = (a: string, b: string): Pair => (a < b ? [a, b] : [b, a])

/** The id of two users' room, where nobody gave it another: a rule that clients know. */
export const directRoomId = ([a, b]: Pair): string => hash('md5', `${a}_${b}`)

/** Clients that lower-case the ids first arrive at another id, and mean the same room. */
export const meansPairRoom = (roomId: string, pair: Pair): boolean =>
  roomId === directRoomId(pair) ||
  roomId === directRoomId(pairOf(pair[0].toLowerCase(), pair[1].toLowerCase()))

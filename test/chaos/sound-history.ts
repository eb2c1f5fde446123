/** A small history in which everything holds, for tests that break one thing in it. */
import { check, type Guarantee } from './checker.ts'
import type { History, Operation, StoredMessage, WebhookCall } from './history.ts'

export const asked = (user: string, startedAtMs: number) => ({
  user,
  credential: `${user}#1`,
  startedAtMs,
  endedAtMs: startedAtMs + 10,
  outcome: 'acknowledged' as const,
})
export const sent = (user: string, key: string, seq: number, atMs: number): Operation => ({
  ...asked(user, atMs),
  kind: 'send',
  room: 'room',
  key,
  text: `${key} posted`,
  messageId: `m${seq}`,
  seq,
})
export const message = (seq: number, sender: string, key: string): StoredMessage => ({
  id: `m${seq}`,
  seq,
  evSeq: 0,
  sender,
  messageType: 'text',
  text: `${key} posted`,
  clientMessageId: key,
})
export const told = (seq: number): WebhookCall => ({
  room: 'room',
  eventId: `e${seq}`,
  messageId: `m${seq}`,
  accepted: true,
  atMs: seq,
})

export type Mutable<T> = T extends object ? { -readonly [K in keyof T]: Mutable<T[K]> } : T

/** Ann posts 1 and 3, Bob 2 and 4; 2 is edited, 3 recalled; Ann has read up to 4, Bob's own message is the last. */
export function soundHistory(): Mutable<History> {
  const messages = [
    message(1, 'ann', 'a1'),
    { ...message(2, 'bob', 'b1'), text: 'b1 edited', evSeq: 1 },
    { ...message(3, 'ann', 'a2'), text: '', messageType: 'recall', evSeq: 2, clientMessageId: undefined },
    message(4, 'bob', 'b2'),
  ]
  const view = () => messages.map(({ clientMessageId: _, ...seen }) => ({ ...seen }))
  const operations: Operation[] = [
    sent('ann', 'a1', 1, 100),
    { ...asked('bob', 150), kind: 'send', room: 'room', key: 'b1', text: 'b1 posted', outcome: 'unknown' },
    sent('bob', 'b1', 2, 200),
    sent('ann', 'a2', 3, 300),
    sent('bob', 'b2', 4, 400),
    { ...asked('bob', 500), kind: 'edit', room: 'room', messageId: 'm2', text: 'b1 edited', evSeq: 1 },
    { ...asked('ann', 600), kind: 'recall', room: 'room', messageId: 'm3', evSeq: 2 },
    { ...asked('ann', 700), kind: 'mark-read', room: 'room', messageId: 'm2' },
    { ...asked('eve', 700), kind: 'ask', what: 'read', outcome: 'refused' },
    { ...asked('ann', 1_500), kind: 'ask', what: 'revoked' },
    { ...asked('ann', 3_000), kind: 'ask', what: 'revoked', outcome: 'refused' },
  ]
  return {
    operations,
    sightings: [
      { user: 'ann', credential: 'ann#1', via: 'socket', room: 'room', messageId: 'm2', atMs: 210 },
      { user: 'bob', credential: 'bob#1', via: 'http', room: 'room', messageId: 'm1', atMs: 220 },
    ],
    views: { ann: { room: view() }, bob: { room: view() } },
    revocations: [{ credential: 'ann#1', answeredAtMs: 1_000, requestMs: 1_000, socketMs: 2_000 }],
    webhooks: [told(1), { ...told(2), accepted: false }, told(2), told(3), told(1), told(4)],
    final: {
      room: {
        members: ['ann', 'bob'],
        messages,
        reading: { ann: { unread: 1, lastRead: 'm3' }, bob: { unread: 0, lastRead: 'm4' } },
      },
    },
  }
}

export const broken = (spoil: (history: Mutable<History>) => void): Guarantee[] => {
  const history = soundHistory()
  spoil(history)
  return [...new Set(check(history).map(({ guarantee }) => guarantee))]
}
export const room = (history: Mutable<History>) => history.final.room!
/** Removed at the end for everybody, so that nothing but the loss itself is wrong. */
export const dropLast = (history: Mutable<History>) => {
  room(history).messages.pop()
  for (const views of Object.values(history.views)) views.room!.pop()
  history.webhooks.pop()
  room(history).reading = { ann: { unread: 0, lastRead: 'm3' }, bob: { unread: 1, lastRead: 'm2' } }
}

/** Bob's last message once more, for everybody. */
export const postTwice = (history: Mutable<History>) => {
  const copy = message(5, 'bob', 'b2')
  room(history).messages.push(copy)
  for (const views of Object.values(history.views)) views.room!.push(copy)
  history.webhooks.push(told(5))
  room(history).reading = { ann: { unread: 2, lastRead: 'm3' }, bob: { unread: 0, lastRead: 'm5' } }
}

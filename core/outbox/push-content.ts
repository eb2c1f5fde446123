/** What pushes say (contract: rest §2.8). */
import type { Message, Room } from '../chat/model.ts'
import type { PushNote } from '../store/push.ts'
import { presentMessage } from '../wire/present.ts'

const MAX_TEXT = 200
/** Both services take 4 KB altogether. */
const MAX_PAYLOAD_BYTES = 2_048

export function messageNote(message: Message, room: Pick<Room, 'name' | 'roomTags'>): PushNote {
  const nickname = message.sender?.nickname ?? message.sender?.id ?? ''
  const content = contentOf(message)
  return {
    title: room.name || nickname,
    body: content,
    loc: { key: `im_loc_${message.messageType}`, args: [nickname, content] },
    sound: 'default',
    collapseKey: message.id,
    fields: {
      type: message.messageType,
      payload: payloadOf(message),
      redirect: '/chat',
      roomTags: JSON.stringify(room.roomTags),
    },
  }
}

/** An encrypted message says nothing to who has no key. */
const contentOf = ({ messageType, message }: Message): string =>
  typeof message === 'string' && messageType !== 'encrypted' ? [...message].slice(0, MAX_TEXT).join('') : ''

function payloadOf(message: Message): string {
  const whole = JSON.stringify(presentMessage(message))
  if (Buffer.byteLength(whole) <= MAX_PAYLOAD_BYTES) return whole
  const { id, roomId, messageType, seq, sender, createdAt } = message
  const createdAtMS = createdAt.getTime()
  return JSON.stringify({ _id: id, id, room: roomId, messageType, seq, sender: sender?.id, createdAtMS })
}

const OWN = new Set(['alert', 'badge', 'sound', 'topic', 'expiry', 'title', 'body', 'icon', 'collapseKey'])

/** A customer's own push: fields for iOS and for Android together, and whatever else its app reads. */
export function customNote(payload: Record<string, unknown>): PushNote {
  const { alert, badge, expiry } = payload
  const text = (name: string) => (typeof payload[name] === 'string' ? payload[name] : undefined)
  const loc = locOf(alert)
  const fields = Object.entries(payload).flatMap(([name, value]) =>
    OWN.has(name) || value === undefined || value === null
      ? []
      : [[name, typeof value === 'string' ? value : JSON.stringify(value)] as const],
  )
  return {
    title: text('title'),
    body: text('body') ?? (typeof alert === 'string' ? alert : undefined),
    loc,
    badge: typeof badge === 'number' ? badge : undefined,
    sound: text('sound'),
    icon: text('icon'),
    topic: text('topic'),
    expiry: typeof expiry === 'number' ? Math.floor(expiry) : undefined,
    collapseKey: text('collapseKey'),
    fields: Object.fromEntries(fields),
  }
}

function locOf(alert: unknown): PushNote['loc'] {
  if (typeof alert !== 'object' || alert === null || !('loc-key' in alert)) return undefined
  const args = 'loc-args' in alert && Array.isArray(alert['loc-args']) ? alert['loc-args'] : []
  return { key: String(alert['loc-key']), args: args.map(String) }
}

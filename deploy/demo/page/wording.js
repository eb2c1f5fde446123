const clock = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit' })
const weekday = new Intl.DateTimeFormat(undefined, { weekday: 'short' })
const date = new Intl.DateTimeFormat(undefined, { day: 'numeric', month: 'short' })
const longDate = new Intl.DateTimeFormat(undefined, { weekday: 'long', day: 'numeric', month: 'long' })
const DAY_MS = 24 * 60 * 60 * 1_000

const dayStart = (ms) => new Date(ms).setHours(0, 0, 0, 0)
/** Whole days between two moments' days; rounded, for days of 23 and 25 hours. */
const daysAgo = (ms) => Math.round((dayStart(Date.now()) - dayStart(ms)) / DAY_MS)

export const timeOfDay = (ms) => clock.format(ms)

export function shortTime(ms) {
  const days = daysAgo(ms)
  if (days <= 0) return clock.format(ms)
  if (days === 1) return 'Yesterday'
  return days < 7 ? weekday.format(ms) : date.format(ms)
}

export function dayName(ms) {
  const days = daysAgo(ms)
  return days <= 0 ? 'Today' : days === 1 ? 'Yesterday' : longDate.format(ms)
}

export const nameOf = (user) => user?.nickname || user?._id || 'Somebody'

const firstName = (user) => nameOf(user).split(' ')[0]

export const othersIn = (room, meId) => room.members.filter((member) => member._id !== meId)

export function roomTitle(room, meId) {
  if (room.name) return room.name
  const others = othersIn(room, meId)
  if (others.length === 0) return 'Only you'
  return others.length === 1 ? nameOf(others[0]) : others.map(firstName).join(', ')
}

export function namesList(names) {
  return names.length < 2 ? (names[0] ?? '') : `${names.slice(0, -1).join(', ')} and ${names.at(-1)}`
}

export function typingText(users) {
  if (users.length === 0) return ''
  return `${namesList(users.map(firstName))} ${users.length === 1 ? 'is' : 'are'} typing…`
}

/** The line for what is not said by a person but about the room; undefined for everything else. */
export function systemText(message) {
  const actor = nameOf(message.sender)
  const extra = typeof message.extra === 'object' && message.extra !== null ? message.extra : {}
  const names = (users, single) => namesList((users ?? [single]).filter(Boolean).map(nameOf))
  switch (message.messageType) {
    case 'joinRoom':
      return `${actor} joined`
    case 'leaveRoom':
      return `${actor} left`
    case 'addMember':
    case 'addMembers':
      return `${actor} added ${names(extra.invitees, message.member)}`
    case 'deleteMember':
      return `${actor} removed ${names(extra.members, message.member)}`
    case 'assignAdmin':
      return `${actor} made ${names(extra.members, message.member)} an admin`
    default:
      return undefined
  }
}

export function bodyText(message) {
  if (message.messageType === 'recall') return 'This message was unsent'
  if (message.messageType === 'text') return String(message.message ?? '')
  return typeof message.message === 'string' && message.message !== ''
    ? message.message
    : `(${message.messageType}: not shown in this demo)`
}

export function previewText(room, meId) {
  const last = room.lastMessage
  if (!last) return 'No messages yet'
  const system = systemText(last)
  if (system !== undefined) return system
  if (last.sender?._id === meId) return `You: ${bodyText(last)}`
  return room.roomType === 'direct' ? bodyText(last) : `${firstName(last.sender)}: ${bodyText(last)}`
}

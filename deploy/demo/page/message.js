import { h } from './element.js'
import { avatar, icon } from './parts.js'
import { readersOf } from './reading.js'
import { bodyText, nameOf, namesList, othersIn, timeOfDay } from './wording.js'

export const messageElement = () => h('li', { class: 'message' })

export function updateMessage(element, { message, room, meId, startsGroup, endsGroup }, actions) {
  const mine = message.sender?._id === meId
  const fate = mine ? fateOf(message, room, meId) : undefined
  const shown = JSON.stringify([
    message._id,
    message.messageType,
    message.message,
    fate,
    startsGroup,
    endsGroup,
  ])
  if (element.dataset.shown === shown) return
  element.dataset.shown = shown

  const isGroup = room.roomType !== 'direct'
  const recalled = message.messageType === 'recall'
  element.className = [
    'message',
    mine ? 'mine' : 'theirs',
    startsGroup && 'starts',
    endsGroup && 'ends',
    recalled && 'recalled',
    fate?.mark === 'failed' && 'failed',
  ]
    .filter(Boolean)
    .join(' ')
  // Focusable, so that a tap or the keyboard brings up the buttons beside it.
  const bubble = h(
    'div',
    { class: 'bubble', tabindex: '0' },
    !mine && isGroup && startsGroup && h('span', { class: 'sender' }, nameOf(message.sender)),
    message.reply && !recalled && quote(message.reply),
    h('span', { class: 'text' }, bodyText(message)),
    h(
      'span',
      { class: 'meta' },
      h('time', { datetime: new Date(message.createdAtMS).toISOString() }, timeOfDay(message.createdAtMS)),
      fate &&
        !recalled &&
        h(
          'span',
          { class: `fate ${fate.mark}`, title: fate.title, role: 'img', 'aria-label': fate.title },
          MARKS[fate.mark],
        ),
    ),
  )
  const button = (name, label, action) =>
    h(
      'button',
      { class: 'icon', type: 'button', title: label, 'aria-label': label, onclick: () => action(message) },
      icon(name),
    )
  element.replaceChildren(
    ...[
      !mine &&
        isGroup &&
        h(
          'span',
          { class: 'face' },
          endsGroup && avatar(nameOf(message.sender), message.sender?.avatarUrl, 'small'),
        ),
      bubble,
      message._id &&
        !recalled &&
        h(
          'span',
          { class: 'actions' },
          button('reply', 'Reply', actions.reply),
          mine && button('unsend', 'Unsend', actions.unsend),
        ),
      fate?.mark === 'failed' &&
        h(
          'button',
          { class: 'retry', type: 'button', onclick: () => actions.retry(message) },
          'Not sent. Try again',
        ),
    ].filter(Boolean),
  )
}

const MARKS = { pending: '○', failed: '!', sent: '✓', read: '✓✓' }

function fateOf(message, room, meId) {
  if (!message._id)
    return message.failed ? { mark: 'failed', title: 'Not sent' } : { mark: 'pending', title: 'Sending' }
  const readers = readersOf(room, message, meId)
  if (readers.length === 0) return { mark: 'sent', title: 'Sent' }
  const everybody = readers.length === othersIn(room, meId).length
  return { mark: everybody ? 'read' : 'sent', title: `Read by ${namesList(readers.map(nameOf))}` }
}

export const quote = (message) =>
  h(
    'span',
    { class: 'quote' },
    h('span', { class: 'sender' }, nameOf(message.sender)),
    h('span', null, bodyText(message)),
  )

import { composer } from './composer.js'
import { h } from './element.js'
import { messageElement, updateMessage } from './message.js'
import { icon, showKeyed } from './parts.js'
import { roomAvatar } from './room-list.js'
import { dayName, nameOf, othersIn, roomTitle, systemText, typingText } from './wording.js'

/** Messages of one person closer than this stand together. */
const ONE_BREATH_MS = 3 * 60_000
const NEAR_END_PX = 80

/** One open room: its messages, and the line to write the next one. */
export function conversationView({ chat, roomId, me, onBack, onTyping }) {
  const title = h('h2', { class: 'title' })
  const subtitle = h('p', { class: 'subtitle' })
  const face = h('span', { class: 'face' })
  const list = h('ol', { class: 'messages', role: 'log', 'aria-label': 'Messages' })
  const waiting = h('p', { class: 'hint waiting' })
  const scroller = h('div', { class: 'scroller' }, waiting, list)
  const typingLine = h('p', { class: 'typing-line', 'aria-live': 'polite' })
  const toEnd = h(
    'button',
    { class: 'to-end icon', type: 'button', 'aria-label': 'To the newest message', hidden: true },
    icon('down'),
  )
  const line = composer({
    onSend: (text, reply) => {
      chat.send(roomId, text, reply)
      scrollToEnd()
    },
    onTyping: (text) => onTyping(roomId, text),
  })

  const element = h(
    'main',
    { class: 'conversation' },
    h(
      'header',
      null,
      h(
        'button',
        { class: 'icon back', type: 'button', 'aria-label': 'Back to the chats', onclick: onBack },
        icon('back'),
      ),
      face,
      h('div', { class: 'titles' }, title, subtitle),
    ),
    h('div', { class: 'stage' }, scroller, toEnd),
    typingLine,
    line.element,
  )

  let stuckToEnd = true
  const distanceToEnd = () => scroller.scrollHeight - scroller.scrollTop - scroller.clientHeight
  const scrollToEnd = () => {
    stuckToEnd = true
    scroller.scrollTop = scroller.scrollHeight
  }
  toEnd.addEventListener('click', scrollToEnd)
  scroller.addEventListener('scroll', () => {
    stuckToEnd = distanceToEnd() < NEAR_END_PX
    toEnd.hidden = stuckToEnd
    if (scroller.scrollTop < NEAR_END_PX) chat.loadOlder(roomId).catch(() => {})
  })
  // The keyboard of a phone, a line more in the composer: the end stays in sight.
  new ResizeObserver(() => stuckToEnd && scrollToEnd()).observe(scroller)

  const actions = {
    reply: (message) => line.replyTo(message),
    unsend: (message) => chat.unsend(roomId, message._id).catch((error) => line.say(error.message)),
    retry: (message) => chat.retry(roomId, message.localId),
  }

  let shownFace
  const showHeader = (room, state) => {
    title.textContent = roomTitle(room, me.id)
    const others = othersIn(room, me.id)
    subtitle.textContent = room.roomType === 'direct' ? '' : ['You', ...others.map(nameOf)].join(', ')
    const wanted = JSON.stringify([room.name, others.map((other) => [other.nickname, other.avatarUrl])])
    if (shownFace !== wanted) face.replaceChildren(roomAvatar(room, me.id))
    shownFace = wanted
    const typing = [...(state.typing.get(roomId)?.values() ?? [])].map(({ user }) => user)
    typingLine.textContent = typingText(typing)
    line.enable(room.status !== 0)
  }

  return {
    element,
    focus: () => line.focus(),
    update(state) {
      const room = state.rooms.get(roomId)
      if (room === undefined || !Array.isArray(room.members)) return
      showHeader(room, state)
      const known = state.messages.get(roomId)
      waiting.hidden = known !== undefined && known.items.length > 0
      waiting.textContent = known === undefined ? 'Loading…' : 'Nothing here yet. Say hello.'
      const heightBefore = scroller.scrollHeight
      const topBefore = scroller.scrollTop
      const oldestBefore = list.firstElementChild?.nextElementSibling
      showKeyed(list, rows(known?.items ?? [], room, me.id), {
        keyOf: (row) => row.key,
        create: (row) =>
          row.text === undefined ? messageElement() : h('li', { class: row.kind }, h('span', null, row.text)),
        update: (item, row) => row.text === undefined && updateMessage(item, row, actions),
      })
      if (stuckToEnd) scrollToEnd()
      else if (oldestBefore?.isConnected && list.firstElementChild?.nextElementSibling !== oldestBefore)
        scroller.scrollTop = topBefore + scroller.scrollHeight - heightBefore
      toEnd.hidden = stuckToEnd
    },
  }
}

/** Messages with what stands between them: day lines, and lines about the room. */
function rows(messages, room, meId) {
  const shown = []
  let before
  messages.forEach((message, index) => {
    const day = dayName(message.createdAtMS)
    const system = systemText(message)
    const startsDay = before === undefined || dayName(before.createdAtMS) !== day
    if (startsDay)
      shown.push({ key: `day ${new Date(message.createdAtMS).toDateString()}`, kind: 'day', text: day })
    if (system !== undefined) {
      shown.push({ key: message._id, kind: 'system', text: system })
    } else {
      const after = messages[index + 1]
      const startsGroup = startsDay || !belongTogether(before, message)
      shown.push({
        key: message.localId ?? message._id,
        message,
        room,
        meId,
        startsGroup,
        endsGroup: after === undefined || !belongTogether(message, after),
      })
    }
    before = message
  })
  return shown
}

function belongTogether(a, b) {
  return (
    systemText(a) === undefined &&
    systemText(b) === undefined &&
    a.sender?._id === b.sender?._id &&
    b.createdAtMS - a.createdAtMS < ONE_BREATH_MS &&
    dayName(a.createdAtMS) === dayName(b.createdAtMS)
  )
}

/** What is shown where no room is open. */
export function emptyView() {
  return h(
    'main',
    { class: 'conversation nothing' },
    h(
      'div',
      { class: 'hint' },
      h('img', { class: 'logo', src: 'icon.svg', alt: '' }),
      h('p', null, 'Choose a chat, or start one.'),
    ),
  )
}

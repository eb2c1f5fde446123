import { h } from './element.js'
import { avatar, icon, showKeyed } from './parts.js'
import { nameOf, othersIn, previewText, roomTitle, shortTime, typingText } from './wording.js'

const activity = (room) => room.lastMessage?.createdAtMS ?? room.createdTimeMS ?? 0

export function roomAvatar(room, meId, size) {
  const others = othersIn(room, meId)
  if (room.roomType === 'direct' && others.length === 1)
    return avatar(nameOf(others[0]), others[0].avatarUrl, size)
  return avatar(roomTitle(room, meId), room.cover, size)
}

export function roomListView({ me, onOpen, onNewChat, onSignOut }) {
  const list = h('ul', { class: 'rooms' })
  const empty = h('p', { class: 'hint' })
  const element = h(
    'aside',
    { class: 'sidebar' },
    h(
      'header',
      { class: 'me' },
      avatar(me.nickname, me.avatarUrl),
      h('span', { class: 'name' }, me.nickname),
      h(
        'button',
        { class: 'icon', type: 'button', title: 'New chat', 'aria-label': 'New chat', onclick: onNewChat },
        icon('plus'),
      ),
      h(
        'button',
        { class: 'icon', type: 'button', title: 'Sign out', 'aria-label': 'Sign out', onclick: onSignOut },
        icon('leave'),
      ),
    ),
    h('nav', { 'aria-label': 'Chats' }, list, empty),
  )

  list.addEventListener('keydown', (event) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key]
    if (step === undefined) return
    event.preventDefault()
    const buttons = [...list.querySelectorAll('button')]
    buttons[buttons.indexOf(document.activeElement) + step]?.focus()
  })

  const create = (room) => {
    const button = h('button', { type: 'button', onclick: () => onOpen(room._id) })
    return h('li', null, button)
  }

  const update = (row, { room, state }) => {
    const button = row.firstElementChild
    const title = roomTitle(room, me.id)
    const typing = [...(state.typing.get(room._id)?.values() ?? [])].map(({ user }) => user)
    const preview = typingText(typing) || previewText(room, me.id)
    const time = room.lastMessage ? shortTime(room.lastMessage.createdAtMS) : ''
    const isOpen = room._id === state.openId
    const shown = JSON.stringify([title, preview, time, room.unread, isOpen])
    if (row.dataset.shown === shown) return
    row.dataset.shown = shown
    button.toggleAttribute('aria-current', isOpen)
    button.replaceChildren(
      roomAvatar(room, me.id),
      h(
        'span',
        { class: 'lines' },
        h('span', { class: 'line' }, h('span', { class: 'name' }, title), h('time', null, time)),
        h(
          'span',
          { class: 'line' },
          h('span', { class: typing.length > 0 ? 'preview typing' : 'preview' }, preview),
          room.unread > 0 &&
            h(
              'span',
              { class: 'badge', 'aria-label': `${room.unread} unread` },
              room.unread > 99 ? '99+' : `${room.unread}`,
            ),
        ),
      ),
    )
  }

  return {
    element,
    update(state) {
      const rooms = [...state.rooms.values()]
        .filter((room) => !room.pref?.hidden && Array.isArray(room.members))
        .sort((a, b) => activity(b) - activity(a))
      showKeyed(
        list,
        rooms.map((room) => ({ room, state })),
        { keyOf: ({ room }) => room._id, create: ({ room }) => create(room), update },
      )
      empty.hidden = rooms.length > 0
      empty.textContent = state.loaded ? 'No chats yet. Start one with the plus above.' : 'Loading…'
    },
  }
}

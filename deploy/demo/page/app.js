import { createApi } from './api.js'
import { createChat } from './chat.js'
import { createConnection } from './connection.js'
import { conversationView, emptyView } from './conversation.js'
import { h } from './element.js'
import { newChatDialog } from './new-chat.js'
import { roomListView } from './room-list.js'
import { signInView } from './sign-in.js'

/** One person per tab: two windows side by side are two people. */
const SESSION = 'im-demo-session'
const OFFLINE_SHOWN_AFTER_MS = 700
const SYNC_AGAIN_MS = 3_000

const app = document.getElementById('app')

function storedSession() {
  try {
    return JSON.parse(sessionStorage.getItem(SESSION)) ?? undefined
  } catch {
    return undefined
  }
}

const roomInAddress = () => {
  const [, id] = /^#\/room\/(.+)$/.exec(location.hash) ?? []
  try {
    return id === undefined ? undefined : decodeURIComponent(id)
  } catch {
    return undefined
  }
}

function showSignIn(notice) {
  document.title = 'Chat demo'
  const onSignedIn = (session) => {
    sessionStorage.setItem(SESSION, JSON.stringify(session))
    showChat(session)
  }
  app.replaceChildren(signInView({ notice, onSignedIn }))
}

function showChat(session) {
  const me = session.user
  const life = new AbortController()
  let conversation
  let bannerTimer

  const leave = (notice) => {
    if (life.signal.aborted) return
    life.abort()
    clearTimeout(bannerTimer)
    connection.close()
    sessionStorage.removeItem(SESSION)
    history.replaceState(null, '', location.pathname)
    showSignIn(notice)
  }
  const refused = () => leave('Your session has ended. Sign in again.')

  const api = createApi(session, refused)
  const chat = createChat(api, me, render)
  const connection = createConnection(session, {
    onOnline: sync,
    onOffline: () => chat.offline(),
    onRefused: refused,
    onEvent: chat.received,
  })

  async function sync() {
    try {
      await chat.sync()
    } catch {
      setTimeout(() => !life.signal.aborted && chat.state.online && sync(), SYNC_AGAIN_MS)
    }
  }

  const rooms = roomListView({
    me,
    onOpen: go,
    onNewChat: () => newChatDialog({ me, chat, onOpened: go }),
    onSignOut: async () => {
      await api.signOut().catch(() => {})
      leave()
    },
  })
  const banner = h('p', { class: 'banner', role: 'status', hidden: true }, 'No connection. Reconnecting…')
  const place = h('div', { class: 'place' }, emptyView())
  app.replaceChildren(h('div', { class: 'shell' }, banner, rooms.element, place))
  const shell = app.firstElementChild

  function go(roomId) {
    location.hash = roomId === undefined ? '' : `#/room/${encodeURIComponent(roomId)}`
  }

  function render(state) {
    if (life.signal.aborted) return
    rooms.update(state)
    conversation?.update(state)
    if (state.online !== false) {
      clearTimeout(bannerTimer)
      bannerTimer = undefined
      banner.hidden = true
    } else {
      bannerTimer ??= setTimeout(() => {
        banner.hidden = false
      }, OFFLINE_SHOWN_AFTER_MS)
    }
    const unread = [...state.rooms.values()].reduce((sum, room) => sum + (room.unread || 0), 0)
    document.title = unread > 0 ? `(${unread}) Chat demo` : 'Chat demo'
  }

  function openFromAddress() {
    const roomId = roomInAddress()
    shell.classList.toggle('in-room', roomId !== undefined)
    conversation = undefined
    if (roomId === undefined) {
      place.replaceChildren(emptyView())
    } else {
      conversation = conversationView({
        chat,
        roomId,
        me,
        onBack: () => go(undefined),
        onTyping: connection.typing,
      })
      place.replaceChildren(conversation.element)
      if (matchMedia('(hover: hover)').matches) conversation.focus()
    }
    chat.open(roomId).catch(() => {
      if (roomInAddress() === roomId) go(undefined)
    })
  }

  addEventListener('hashchange', openFromAddress, { signal: life.signal })
  document.addEventListener('visibilitychange', () => chat.seen(), { signal: life.signal })
  openFromAddress()
}

const session = storedSession()
if (session === undefined) showSignIn()
else showChat(session)

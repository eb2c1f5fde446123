import { memberProperty } from './reading.js'
import { mergeMessages } from './timeline.js'
import { systemText } from './wording.js'

const PAGE = 30
const CATCH_UP_PAGE = 100
const TYPING_LIVES_MS = 6_000

/**
 * What the page knows of the rooms, and what it does with what the server says. Views read `state` and are told
 * by `onChange` when it differs. Every message comes in more than once (own answer, event, catching up), so each
 * is put in its place by id.
 */
export function createChat(api, me, onChange) {
  const state = {
    me,
    rooms: new Map(),
    /** Room id → the stretch of its newest messages that is known, oldest first. */
    messages: new Map(),
    openId: undefined,
    online: undefined,
    loaded: false,
    /** Room id → user id → { user, timer }. */
    typing: new Map(),
  }
  const markingRead = new Set()
  const changed = () => onChange(state)

  const isMine = (message) => message.sender?._id === me.id

  function putRoom(room) {
    const known = state.rooms.get(room._id)
    // A room that is told to everybody has none of what differs from viewer to viewer: keep what we had.
    const view = Object.fromEntries(Object.entries(room).filter(([, value]) => value !== undefined))
    state.rooms.set(room._id, { unread: 0, ...known, ...view })
  }

  function putMessages(roomId, messages) {
    const list = state.messages.get(roomId)
    if (list !== undefined) mergeMessages(list.items, messages)
  }

  function stopTyping(roomId, userId) {
    const typing = state.typing.get(roomId)?.get(userId)
    if (typing === undefined) return
    clearTimeout(typing.timer)
    state.typing.get(roomId).delete(userId)
  }

  async function readOpenRoom() {
    const roomId = state.openId
    const room = state.rooms.get(roomId)
    const newest = state.messages.get(roomId)?.items.findLast((message) => message._id)
    if (!room || !newest || document.visibilityState !== 'visible' || markingRead.has(roomId)) return
    const own = memberProperty(room, me.id)
    if (own.lastRead >= newest._id || (room.unread === 0 && isMine(newest))) return
    markingRead.add(roomId)
    try {
      await api.markRead(roomId, newest._id)
      own.lastRead = newest._id
      room.unread = 0
      changed()
    } catch {
      // Tried again with the next message, or when the connection is back.
    } finally {
      markingRead.delete(roomId)
    }
  }

  async function received(message) {
    const room = state.rooms.get(message.room)
    if (message.sender) stopTyping(message.room, message.sender._id)
    putMessages(message.room, [message])
    if (room === undefined) {
      putRoom(await api.room(message.room))
    } else if (!room.lastMessage || room.lastMessage._id <= message._id) {
      const isNew = room.lastMessage?._id !== message._id
      const isSeen = message.room === state.openId && document.visibilityState === 'visible'
      if (isNew && !isSeen && !isMine(message) && systemText(message) === undefined) room.unread += 1
      room.lastMessage = message
    }
    changed()
    if (message.room === state.openId) await readOpenRoom()
  }

  const events = {
    'chat message': received,
    room: (room) => {
      // Some servers tell of a read mark with a thin room; the whole one always has its members.
      if (!Array.isArray(room.members)) return
      if (room.members.some((member) => member._id === me.id)) putRoom(room)
      else state.rooms.delete(room._id)
      changed()
    },
    lastRead: ({ roomID, memberID, messageID }) => {
      const room = state.rooms.get(roomID)
      if (room === undefined) return
      memberProperty(room, memberID).lastRead = messageID
      if (memberID === me.id) room.unread = 0
      changed()
    },
    typing: ({ room: roomId, senderInfo }) => {
      if (!senderInfo || senderInfo._id === me.id) return
      stopTyping(roomId, senderInfo._id)
      const timer = setTimeout(() => {
        stopTyping(roomId, senderInfo._id)
        changed()
      }, TYPING_LIVES_MS)
      if (!state.typing.has(roomId)) state.typing.set(roomId, new Map())
      state.typing.get(roomId).set(senderInfo._id, { user: senderInfo, timer })
      changed()
    },
  }

  async function loadRooms() {
    const rooms = await api.rooms()
    state.rooms = new Map()
    for (const room of rooms) putRoom(room)
    state.loaded = true
    changed()
  }

  async function loadNewest(roomId) {
    const page = await api.newest(roomId, PAGE)
    const unsent = state.messages.get(roomId)?.items.filter((message) => !message._id) ?? []
    state.messages.set(roomId, { items: unsent, complete: page.length < PAGE })
    putMessages(roomId, page)
    changed()
  }

  /** From the last change we know of to now, page by page, so that nothing between is missed. */
  async function catchUp(roomId) {
    const known = state.messages.get(roomId)?.items.filter((message) => message._id) ?? []
    let anchor = known.reduce(
      (last, message) => (last?.updatedAtMS > message.updatedAtMS ? last : message),
      undefined,
    )
    if (anchor === undefined) return loadNewest(roomId)
    for (;;) {
      const page = await api.since(roomId, CATCH_UP_PAGE, anchor._id)
      putMessages(roomId, page)
      if (page.length < CATCH_UP_PAGE || page.at(-1)._id === anchor._id) return changed()
      anchor = page.at(-1)
    }
  }

  async function post(roomId, draft) {
    const { localId, message, reply } = draft
    draft.failed = false
    changed()
    try {
      const body = {
        messageType: 'text',
        message,
        clientMessageID: localId,
        ...(reply && { reply: reply._id }),
      }
      const sent = await api.send(roomId, body)
      putMessages(roomId, [{ ...sent, clientMessageID: localId }])
      const room = state.rooms.get(roomId)
      if (room && !(room.lastMessage?._id > sent._id)) room.lastMessage = sent
    } catch (error) {
      draft.failed = true
      draft.reason = error.message
    }
    changed()
  }

  return {
    state,
    received: (name, ...args) => Promise.resolve(events[name]?.(...args)).catch(() => {}),
    async open(roomId) {
      state.openId = roomId
      changed()
      if (roomId === undefined) return
      if (!state.rooms.has(roomId)) putRoom(await api.room(roomId))
      if (!state.messages.has(roomId)) await loadNewest(roomId)
      await readOpenRoom()
    },
    async loadOlder(roomId) {
      const list = state.messages.get(roomId)
      const oldest = list?.items.find((message) => message._id)
      if (!list || list.complete || list.loading || oldest === undefined) return
      list.loading = true
      try {
        const page = await api.newest(roomId, PAGE, oldest._id)
        list.complete = page.length < PAGE
        putMessages(roomId, page)
      } finally {
        list.loading = false
      }
      changed()
    },
    /** Everything again that may have happened while we were away. */
    async sync() {
      state.online = true
      await loadRooms()
      if (state.openId !== undefined && !state.rooms.has(state.openId)) putRoom(await api.room(state.openId))
      for (const roomId of state.messages.keys()) if (roomId !== state.openId) state.messages.delete(roomId)
      if (state.openId !== undefined && state.messages.has(state.openId)) {
        await catchUp(state.openId)
        await readOpenRoom()
      }
    },
    offline() {
      state.online = false
      changed()
    },
    seen: readOpenRoom,
    async openDirect(userId) {
      const room = await api.openDirect(userId)
      putRoom(room)
      return room._id
    },
    async openGroup(name, userIds) {
      const room = await api.openGroup(name, userIds)
      putRoom(room)
      return room._id
    },
    send(roomId, message, reply) {
      const draft = {
        localId: newId(),
        messageType: 'text',
        message,
        reply,
        sender: { _id: me.id, ...me },
        createdAtMS: Date.now(),
      }
      state.messages.get(roomId)?.items.push(draft)
      return post(roomId, draft)
    },
    retry(roomId, localId) {
      const draft = state.messages.get(roomId)?.items.find((message) => message.localId === localId)
      if (draft?.failed) return post(roomId, draft)
    },
    async unsend(roomId, messageId) {
      putMessages(roomId, [await api.unsend(roomId, messageId)])
      changed()
    },
  }
}

/** Not `randomUUID`, which browsers keep to HTTPS and localhost. */
const newId = () =>
  [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, '0')).join('')

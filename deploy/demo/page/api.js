/** An answer that was not a success; `status` 0 = no answer at all. */
export class ApiError extends Error {
  constructor(status, message) {
    super(message)
    this.status = status
  }
}

async function call(method, path, headers, body) {
  let response
  try {
    response = await fetch(path, {
      method,
      headers: { ...headers, ...(body !== undefined && { 'Content-Type': 'application/json' }) },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    })
  } catch {
    throw new ApiError(0, 'The server cannot be reached.')
  }
  const answer = await response.json().catch(() => ({}))
  if (!response.ok || (answer.RC !== undefined && answer.RC !== 0))
    throw new ApiError(response.status, answer.error?.message ?? answer.RM ?? `Answered ${response.status}.`)
  return answer
}

/** The customer's own server: who there is, and signing in. */
export const customerServer = {
  users: async () => (await call('GET', '/demo/users', {})).users,
  signIn: (user) => call('POST', '/demo/sign-in', {}, { user }),
}

/** The chat, as the signed-in user. `onRefused` is told when the token is good no longer. */
export function createApi({ clientKey, token }, onRefused) {
  const headers = { 'IM-Client-Key': clientKey, 'IM-Authorization': token }
  const ask = async (method, path, body) => {
    try {
      return (await call(method, path, headers, body)).result
    } catch (error) {
      if (error.status === 401) onRefused()
      throw error
    }
  }
  const room = (id) => `/rooms/${encodeURIComponent(id)}`
  const query = (values) => new URLSearchParams(values).toString()

  return {
    rooms: async () =>
      (await ask('GET', `/rooms?${query({ skip: 0, limit: 100, sort: '-lastMessage' })}`)).data,
    room: (id) => ask('GET', room(id)),
    openDirect: (userId) => ask('POST', '/rooms/createAndJoin', { roomType: 'direct', invitee: userId }),
    openGroup: (name, userIds) =>
      ask('POST', '/rooms/createAndJoin', { roomType: 'group', name, invitee: userIds, systemMessage: true }),
    /** Newest first; with `beforeMessage` oldest last, and that message itself comes first. */
    newest: async (id, limit, beforeMessage) => {
      const values = { limit, timeRangeField: 'messageTime', sortOrder: 'desc' }
      if (beforeMessage !== undefined) values.beforeMessage = beforeMessage
      return (await ask('GET', `${room(id)}/messages/v3?${query(values)}`)).data
    },
    /** What was said or changed since that message, oldest first, that message itself included. */
    since: async (id, limit, afterMessage) =>
      (await ask('GET', `${room(id)}/messages/v3?${query({ limit, sortOrder: 'asc', afterMessage })}`)).data,
    send: (id, message) => ask('POST', `${room(id)}/message`, message),
    unsend: (id, messageId) => ask('POST', `${room(id)}/message`, { _id: messageId, messageType: 'recall' }),
    markRead: (id, messageId) => ask('PUT', `${room(id)}/lastRead`, { message: messageId }),
    signOut: () => ask('POST', '/me/logout'),
  }
}

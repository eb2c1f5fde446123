import type { ApiAnswer, ApiClient } from '../../support/api-client.ts'

/** For every endpoint of the contract a request that its rightful caller could send, in the scene of `scene.ts`. */
export type EndpointRequest = {
  path: string
  body?: unknown
  /** In the place of a JSON body. */
  raw?: { type: string; text: string }
  /** A call of the same caller before it, so that there is something to take away. */
  first?: { method: string; path: string; body?: unknown }
}

/** Ids are the same in every app. */
export type SceneIds = { message: string; streamed: string }

type Describe = string | ((ids: SceneIds) => EndpointRequest)

const at = (path: string, body?: unknown, first?: EndpointRequest['first']): EndpointRequest => ({
  path,
  ...(body !== undefined && { body }),
  ...(first !== undefined && { first }),
})

const FILE = {
  type: 'multipart/form-data; boundary=edge',
  text: [
    '--edge',
    'Content-Disposition: form-data; name="file"; filename="a.txt"',
    'Content-Type: text/plain',
    '',
    'content',
    '--edge--',
    '',
  ].join('\r\n'),
}

const FIELD = '--edge\r\nContent-Disposition: form-data; name="_id"\r\n\r\nset\r\n'

/** A text is a path without a body. */
export const REQUESTS: Readonly<Record<string, Describe>> = {
  'POST /auths/sign': () => at('/auths/sign', { id: 'new' }),
  'POST /auths/sign/v2': () => at('/auths/sign/v2', { id: 'new', nickname: 'New' }),
  'GET /auths/token': '/auths/token?size=16',
  'GET /auths/tokens': '/auths/tokens',
  'PUT /admin/clients/:id/token': () => at('/admin/clients/owner/token', { token: 'a-bound-token' }),
  'DELETE /admin/clients/:id/token': () => at('/admin/clients/owner/token', {}),

  'GET /admin/app': '/admin/app',
  'PUT /admin/app/settings': () => at('/admin/app/settings', { origins: ['https://chat.example'] }),
  'GET /admin/app/keys': '/admin/app/keys',
  'POST /admin/app/keys': () => at('/admin/app/keys', { kind: 'client-key' }),
  'POST /admin/app/keys/:id/rotate': () => at('/admin/app/keys/unknown/rotate', {}),
  'DELETE /admin/app/keys/:id': '/admin/app/keys/unknown',

  'POST /admin/clients': () => at('/admin/clients', { _id: 'new', nickname: 'New', level: 3 }),
  'POST /admin/clients/list': () => at('/admin/clients/list', { data: [{ _id: 'new' }] }),
  'GET /admin/clients': '/admin/clients?limit=10&q=%7B%22nickname%22%3A%22Owner%22%7D',
  'POST /admin/clients/:id/disable': '/admin/clients/spare/disable',
  'POST /admin/clients/:id/enable': '/admin/clients/spare/enable',
  'POST /admin/clients/:uid/mute/:room': '/admin/clients/owner/mute/room',
  'DELETE /admin/clients/:uid/mute/:room': '/admin/clients/owner/mute/room',
  'GET /admin/messages': '/admin/messages?limit=5&startDate=2020-01-01T00:00:00Z',
  'GET /admin/connection-count': '/admin/connection-count',
  'GET /admin/sockets': '/admin/sockets?client=owner&limit=10',
  'DELETE /admin/sockets/:id': '/admin/sockets/unknown',
  'GET /admin/stats': '/admin/stats',
  'POST /admin/groups': () => at('/admin/groups', { _id: 'team', nickname: 'Team', members: ['outsider'] }),
  'GET /admin/groups': '/admin/groups',
  'GET /admin/webhooks/deliveries': '/admin/webhooks/deliveries?after=1',
  'GET /admin/webhooks/dead-letters': '/admin/webhooks/dead-letters',
  'POST /admin/webhooks/dead-letters/replay': '/admin/webhooks/dead-letters/replay',
  'POST /admin/webhooks/dead-letters/:id/replay': '/admin/webhooks/dead-letters/1/replay',
  'GET /admin/webhooks/secrets': '/admin/webhooks/secrets',
  'POST /admin/webhooks/secrets': '/admin/webhooks/secrets',
  'DELETE /admin/webhooks/secrets/:id': '/admin/webhooks/secrets/unknown',
  'POST /push/push2clients': () => at('/push/push2clients', { clients: ['owner'], payload: { alert: 'x' } }),
  'POST /push/push2tokens': () => at('/push/push2tokens', { type: 'fcm', tokens: ['t'], payload: {} }),

  'GET /me': '/me',
  'POST /me': () => at('/me', { nickname: 'Me', description: null }),
  'GET /me/badge': '/me/badge?roomTags=tag',
  'POST /me/subscribe': () => at('/me/subscribe', { type: 'fcm', token: 'push-token', clientId: null }),
  'POST /me/unsubscribe': () => at('/me/unsubscribe', { type: 'fcm', token: 'push-token' }),
  'POST /me/mute/:room': '/me/mute/room',
  'DELETE /me/mute/:room': '/me/mute/room',
  'POST /me/notification/enable': '/me/notification/enable',
  'POST /me/notification/disable': '/me/notification/disable',
  'POST /me/logout': '/me/logout',
  'POST /me/logout-others': '/me/logout-others',
  'GET /me/pref': '/me/pref?key=folders-meta',
  'GET /me/prefs': '/me/prefs',
  'POST /me/pref/:key': () => at('/me/pref/folders-meta', [{ key: 'work', name: 'Work' }]),
  'DELETE /me/pref/:key': '/me/pref/folders-meta',

  'GET /roomPrefs': '/roomPrefs',
  'POST /roomPrefs/:room': () => at('/roomPrefs/room', { tags: ['x'], sticky: true, folder: null }),
  'DELETE /roomPrefs/:room/:key': '/roomPrefs/room/sticky',
  'POST /roomPrefs/:room/group/:group': () => at('/roomPrefs/room/group/team', { hidden: true }),
  'GET /roomPrefs/group/:group': '/roomPrefs/group/team',
  'DELETE /roomPrefs/:room/group/:group/:key': '/roomPrefs/room/group/team/sticky',

  'POST /rooms': () => at('/rooms', { name: 'New', members: ['owner'] }),
  'POST /rooms/createAndJoin': () => at('/rooms/createAndJoin', { _id: 'new-room', invitee: ['owner'] }),
  'GET /rooms': '/rooms?skip=0&limit=20&sort=-lastMessage&q=%7B%22roomTags%22%3A%22tag%22%7D',
  'GET /rooms/ids': '/rooms/ids?limit=10',
  'GET /rooms/quitted': '/rooms/quitted',
  'GET /rooms/invitations': '/rooms/invitations',
  'GET /rooms/:id': '/rooms/room',
  'GET /rooms/:id/exists': '/rooms/room/exists',
  'PUT /rooms/:id': () => at('/rooms/room', { name: 'Changed' }),
  'PUT /rooms/:id/bot': () => at('/rooms/room/bot', { botState: 'asked' }),
  'DELETE /rooms/:id': '/rooms/room',
  'POST /rooms/:id/join': () => at('/rooms/room/join', { systemMessage: false }),
  'GET /rooms/:id/members': '/rooms/room/members?after=a&limit=10',
  'POST /rooms/:id/members': () => at('/rooms/room/members', { invitees: ['new'] }),
  'POST /rooms/:id/members/:invitee': () => at('/rooms/room/members/new', {}),
  'POST /rooms/:id/delete/members': () => at('/rooms/room/delete/members', { members: ['spare'] }),
  'DELETE /rooms/:id/members/:uid': '/rooms/room/members/spare',
  'PUT /rooms/:id/member/:client': () => at('/rooms/room/member/spare', { property: 'role', value: 'admin' }),
  'GET /rooms/:id/invitations': '/rooms/room/invitations',
  'DELETE /rooms/:id/invitations': '/rooms/room/invitations',
  'POST /rooms/:id/delete/invitations': () => at('/rooms/room/delete/invitations', { invitees: ['invited'] }),
  'DELETE /rooms/:id/invitations/:invitee': '/rooms/room/invitations/invited',

  'POST /rooms/:id/message': () => at('/rooms/room/message', { messageType: 'text', message: 'hello' }),
  'GET /rooms/:id/messages/v3': ({ message }) =>
    at(`/rooms/room/messages/v3?limit=30&beforeMessage=${message}&sortOrder=desc`),
  'GET /rooms/:id/messages': ({ message }) => at(`/rooms/room/messages?limit=30&beforeMessage=${message}`),
  'GET /rooms/:id/messages/:messageId': ({ message }) =>
    at(`/rooms/room/messages/${message}?before=1&after=1`),
  'DELETE /rooms/:id/messages/:messageId': ({ message }) => at(`/rooms/room/messages/${message}`),
  'GET /rooms/:id/count': '/rooms/room/count?timeInMS=1',
  'PUT /rooms/:id/lastRead': ({ message }) => at('/rooms/room/lastRead', { message }),
  'POST /rooms/:id/typing': () => at('/rooms/room/typing', { message: 'h' }),
  'GET /rooms/:id/events': '/rooms/room/events?after=0',
  'GET /rooms/:id/pined-messages': '/rooms/room/pined-messages',
  'POST /sync': () => at('/sync', { rooms: { room: { seq: 0, evSeq: 0 } } }),

  'POST /messages': () =>
    at('/messages', { room: 'room', messageType: 'text', message: 'x', sender: 'owner' }),
  'GET /messages': '/messages?limit=5&q=%7B%22message%22%3A%22hello%22%7D',
  'POST /messages/search': () => at('/messages/search', { message: 'hello' }),
  'GET /messages/recent': '/messages/recent?limit=5',
  'POST /messages/batch': () => at('/messages/batch', { message: 'x', paras: [{ room: 'room' }] }),
  'GET /messages/batch': '/messages/batch?batchID=unknown',
  'POST /messages/:id/pin': ({ message }) => at(`/messages/${message}/pin`),
  'DELETE /messages/:id/pin': ({ message }) => at(`/messages/${message}/pin`),
  'POST /messages/:id/hidden': ({ message }) => at(`/messages/${message}/hidden`),
  'DELETE /messages/:id/hidden': ({ message }) => at(`/messages/${message}/hidden`),
  'POST /messages/hide-by-sender-in-room': () =>
    at('/messages/hide-by-sender-in-room', { room: 'room', sender: 'spare' }),
  'POST /messages/unhide-by-sender-in-room': () =>
    at('/messages/unhide-by-sender-in-room', { room: 'room', sender: 'spare' }),
  'POST /messages/:id/streaming': ({ streamed }) => at(`/messages/${streamed}/streaming`, { text: 'and' }),
  'POST /messages/:id/reaction': ({ message }) => at(`/messages/${message}/reaction`, { reaction: '+1' }),
  'DELETE /messages/:id/reaction': ({ message }) => at(`/messages/${message}/reaction?reaction=%2B1`),
  'POST /messages/user-delete': ({ message }) =>
    at('/messages/user-delete', { room: 'room', messages: [message] }),
  'GET /messages/user-delete': '/messages/user-delete?room=room',
  'POST /messages/user-delete/all-in-room': () => at('/messages/user-delete/all-in-room', { room: 'room' }),
  'POST /search': () => at('/search', { type: ['messages', 'roomName'], keyword: 'hello' }),
  'POST /badges': () => at('/badges', { tokens: ['push-token'] }),
  'POST /badges/byRoomTags': () => at('/badges/byRoomTags', { tags: ['tag'] }),
  'POST /badges/byRoomTagsAndTime': () => at('/badges/byRoomTagsAndTime', { tags: ['tag'], beforeTime: 1 }),

  'POST /files/:bucket': () => ({ path: '/files/chatserver-upload', raw: FILE }),
  'POST /files/video-info': () => ({ path: '/files/video-info', raw: FILE }),
  'POST /files/stats': () => at('/files/stats', { tags: ['tag'], rangeStart: 0, rangeEnd: null }),
  'GET /files/:bucket/:id/metadata': '/files/chatserver-upload/unknown/metadata',
  'GET /files/:bucket/*': '/files/chatserver-upload/unknown?signedUrlOnly=1',

  // No archive: whoever may bring one is told so.
  'POST /admin/stickers': () => ({ path: '/admin/stickers', raw: { ...FILE, text: `${FIELD}${FILE.text}` } }),
  'GET /admin/stickers': '/admin/stickers',
  'DELETE /admin/stickers/:id': '/admin/stickers/unknown',
  'GET /stickers': '/stickers',
  'GET /stickers/res': '/stickers/res?resourceId=unknown%2Ftab.png',

  'GET /blockStatus/my': '/blockStatus/my',
  'POST /blockStatus/my/:blockee': '/blockStatus/my/spare',
  'DELETE /blockStatus/my/:blockee': () =>
    at('/blockStatus/my/spare', undefined, { method: 'POST', path: '/blockStatus/my/spare' }),
  'GET /blockStatus/room/:room': '/blockStatus/room/room',
  'POST /blockStatus/room/:room/:blockee': '/blockStatus/room/room/spare',
  'DELETE /blockStatus/room/:room/:blockee': '/blockStatus/room/room/blocked',
  'GET /config': '/config',
  'POST /config': () => at('/config', { announcement: { text: 'x' } }),
  'DELETE /config/:key': '/config/featureFlags',
}

/** Sends it, and what has to come before it. */
export async function sendRequest(
  client: ApiClient,
  method: string,
  { path, body, raw, first }: EndpointRequest,
): Promise<ApiAnswer> {
  if (first !== undefined) await client.call(first.method, first.path, first.body)
  return raw === undefined
    ? client.call(method, path, body)
    : client.call(method, path, undefined, { headers: { 'content-type': raw.type }, rawBody: raw.text })
}

export function requestOf(endpoint: string, ids: SceneIds): EndpointRequest {
  const described = REQUESTS[endpoint]
  if (described === undefined) throw new Error(`${endpoint} has no request in endpoint-requests.ts`)
  return typeof described === 'string' ? { path: described } : described(ids)
}

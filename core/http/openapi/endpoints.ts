import { Type } from 'typebox'
import { listOf, page, ref } from './answers.ts'
import { MESSAGES, ROOMS } from './chat-endpoints.ts'
import { Anything, type Endpoints, Nothing, says } from './endpoint.ts'
import { FILES } from './file-endpoints.ts'

const { Object: object, String: text, Integer: integer, Record: keyed } = Type

const TOKENS: Endpoints = {
  'POST /auths/sign': says('Signs a user in; the answer has no envelope', 'SignedIn', {
    errors: ['AUTH_SERVICE_UNAVAILABLE'],
    example: { id: 'maria', nickname: 'Maria' },
  }),
  'POST /auths/sign/v2': says('Signs a user in, who is made where there is none', 'SignedIn', {
    errors: ['AUTH_SERVICE_UNAVAILABLE'],
    example: { id: 'maria', nickname: 'Maria' },
  }),
  'GET /auths/token': says('Makes a random token that belongs to nobody yet', object({ token: text() })),
  'GET /auths/tokens': says('Lists the tokens of the app', listOf('Token')),
  'PUT /admin/clients/:id/token': says('Binds a token of your own making to a user', 'Token', {
    errors: ['CLIENT_NOT_FOUND', 'TOKEN_CONFLICT'],
    example: { token: 'a-token-of-your-own-making', expirationDate: '2040-01-01T00:00:00.000Z' },
  }),
  'DELETE /admin/clients/:id/token': says('Revokes one token of a user, or all', page('Token'), {
    errors: ['CLIENT_NOT_FOUND', 'TOKEN_NOT_FOUND'],
    example: { token: 'a-token-of-your-own-making' },
  }),
}

const APP: Endpoints = {
  'GET /admin/app': says('Your app and its settings', 'App'),
  'PUT /admin/app/settings': says('Changes the settings that the body names', 'App', {
    example: { origins: ['https://chat.example.com'] },
  }),
  'GET /admin/app/keys': says('Lists the app’s keys, ended ones included', page('Key')),
  'POST /admin/app/keys': says('Makes a key', 'NewKey', { example: { kind: 'platform-key' } }),
  'POST /admin/app/keys/:id/rotate': says(
    'Makes a key in the place of another, which stays good for a day or until the given time',
    'NewKey',
    { errors: ['KEY_NOT_FOUND'], example: { until: '2040-01-01T00:00:00.000Z' } },
  ),
  'DELETE /admin/app/keys/:id': says('Revokes a key', Nothing, { errors: ['KEY_NOT_FOUND'] }),
  'GET /admin/connection-count': says('Counts the live sockets of the app', object({ count: integer() })),
  'GET /admin/sockets': says(
    'Lists the live sockets of the app, or of one user, newest first',
    object({ complete: Type.Boolean(), data: Type.Array(ref('LiveSocket')) }),
    { errors: ['TOO_MANY_REQUESTS'] },
  ),
  'DELETE /admin/sockets/:id': says('Cuts a live socket; its client may come back', Nothing, {
    errors: ['SOCKET_NOT_FOUND', 'CORES_UNAVAILABLE', 'TOO_MANY_REQUESTS'],
  }),
  'GET /admin/stats': says('What the app did in the last hour', Nothing),
  'GET /admin/messages': says('Lists the messages of all rooms, newest first', listOf('Message')),
  'GET /config': says('The app’s own configuration, for its clients to read', Nothing),
  'POST /config': says('Sets the keys that the body names', Nothing, {
    errors: ['INVALID_CONFIG_FORMAT'],
    example: { announcement: { text: 'We are moving on Sunday.' } },
  }),
  'DELETE /config/:key': says('Removes a key', Nothing, { errors: ['CONFIG_NOT_FOUND'] }),
}

const USERS: Endpoints = {
  'POST /admin/clients': says('Makes a user or changes one, and binds or issues a token', 'OwnClient', {
    errors: ['TOKEN_CONFLICT'],
    example: { _id: 'maria', nickname: 'Maria', issueAccessToken: true },
  }),
  'POST /admin/clients/list': says('Makes or changes many users', object({ count: integer() }), {
    example: { data: [{ _id: 'maria', nickname: 'Maria' }, { _id: 'ada' }] },
  }),
  'GET /admin/clients': says('Lists the users that a filter fits', listOf('OwnClient')),
  'POST /admin/clients/:id/disable': says(
    'Shuts a user out: live sockets close, and no token is good until the user is enabled',
    Nothing,
    { errors: ['CLIENT_NOT_FOUND'] },
  ),
  'POST /admin/clients/:id/enable': says('Lets a user in again', Nothing, { errors: ['CLIENT_NOT_FOUND'] }),
  'POST /admin/clients/:uid/mute/:room': says('Stops pushes of a room for a user', 'OwnClient', {
    errors: ['CLIENT_NOT_FOUND'],
  }),
  'DELETE /admin/clients/:uid/mute/:room': says('Lets pushes of a room through again', 'OwnClient', {
    errors: ['CLIENT_NOT_FOUND'],
  }),
  'POST /admin/groups': says('Makes or changes a group of users', 'Group', {
    errors: ['CLIENT_NOT_FOUND', 'INVALID_USER_ID'],
    example: { _id: 'support', nickname: 'Support', members: ['ada'] },
  }),
  'GET /admin/groups': says('Lists the groups of users', listOf('Group')),
}

const ME: Endpoints = {
  'GET /me': says('Who the caller is', 'OwnClient'),
  'POST /me': says('Changes the caller’s profile', 'OwnClient', { example: { nickname: 'Maria' } }),
  'GET /me/badge': says('Counts what the caller has not read', object({ badge: integer() })),
  'POST /me/mute/:room': says('Stops pushes of a room', 'OwnClient'),
  'DELETE /me/mute/:room': says('Lets pushes of a room through again', 'OwnClient'),
  'POST /me/notification/enable': says('Lets pushes through', 'OwnClient'),
  'POST /me/notification/disable': says('Stops all pushes', 'OwnClient'),
  'POST /me/logout': says('Revokes the token in use', Type.Union([ref('Token'), Nothing])),
  'POST /me/logout-others': says('Revokes all the caller’s other tokens', page('Token')),
  'POST /me/subscribe': says('Has pushes sent to a device', 'Subscription', {
    example: { type: 'fcm', token: 'device-token', deviceId: 'phone-1' },
  }),
  'POST /me/unsubscribe': says('Has no more pushes sent to a device', 'Counts', {
    example: { type: 'fcm', deviceId: 'phone-1' },
  }),
}

const PREFERENCES: Endpoints = {
  'GET /me/pref': says('Lists the caller’s preferences, or gives the one of `key`', Anything),
  'GET /me/prefs': says('The caller’s preferences by key', keyed(text(), Anything)),
  'POST /me/pref/:key': says('Keeps an object or a list for the caller', 'Pref', {
    example: { theme: 'dark' },
  }),
  'DELETE /me/pref/:key': says('Removes a preference', Nothing),
  'GET /roomPrefs': says('Lists what the caller prefers in each room', listOf('RoomPref')),
  'POST /roomPrefs/:room': says('Changes what the caller prefers in a room', 'RoomPref', {
    example: { sticky: true, tags: ['work'] },
  }),
  'DELETE /roomPrefs/:room/:key': says('Removes one preference of a room', 'RoomPref'),
  'POST /roomPrefs/:room/group/:group': says('Changes what a group prefers in a room', 'RoomPref'),
  'GET /roomPrefs/group/:group': says('Lists what a group prefers in each room', listOf('RoomPref')),
  'DELETE /roomPrefs/:room/group/:group/:key': says('Removes one of a group’s preferences', 'RoomPref'),
}

const OUTSIDE: Endpoints = {
  'POST /push/push2clients': says('Pushes to users', Nothing, {
    example: { clients: ['ada'], payload: { notification: { title: 'Hello' } } },
  }),
  'POST /push/push2tokens': says('Pushes to devices', Type.Null(), {
    example: { type: 'fcm', tokens: ['device-token'], payload: { notification: { title: 'Hello' } } },
  }),
  'GET /admin/webhooks/deliveries': says('Lists what is still being tried, oldest first', page('Delivery')),
  'GET /admin/webhooks/dead-letters': says('Lists what could not be delivered', page('DeadLetter')),
  'POST /admin/webhooks/dead-letters/replay': says('Tries all of it again', object({ n: integer() })),
  'POST /admin/webhooks/dead-letters/:id/replay': says('Tries one again', object({ n: integer() })),
  'GET /admin/webhooks/secrets': says('Lists the secrets that sign webhooks', page('WebhookSecret')),
  'POST /admin/webhooks/secrets': says(
    'Makes a secret; both sign until the old one ends',
    'NewWebhookSecret',
  ),
  'DELETE /admin/webhooks/secrets/:id': says('Ends a secret', Nothing),
}

/** By section, in the order of the reference. */
export const ENDPOINTS: Readonly<Record<string, Endpoints>> = {
  'Tokens and sign-in': TOKENS,
  Users: USERS,
  Me: ME,
  Preferences: PREFERENCES,
  Rooms: ROOMS,
  Messages: MESSAGES,
  Files: FILES,
  'Push and webhooks': OUTSIDE,
  App: APP,
}

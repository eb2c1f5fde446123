import t from 'tap'
import { startService } from '../../support/service.ts'
import { api, client, environment, signedIn } from '../outbox/killed-cores.ts'
import { record, settled } from './sockets.ts'

const core = await startService(t, 'core', environment('pglite:memory'))

const EVENTS = [
  'chat message',
  'room',
  'typing',
  'lastRead',
  'roomPref',
  'myPrefChange',
  'myPrefDelete',
  'userDeleteMessages',
  'deleteMessages',
  'hideMessages',
  'ai_streaming',
  'invitation',
  'cancelInvitation',
]

const SOCKETS = {
  phone: ['ann', { base64: true }],
  web: ['ann', { version: 'v3' }],
  bob: ['bob', { version: 'v2', transport: 'polling' }],
  cem: ['cem', { version: 'v2', base64: true }],
  dan: ['dan', {}],
} as const

const own = 'phone, web'
const members = 'phone, web, bob'
const others = 'bob'
const invitee = 'cem'
const withCem = 'phone, web, bob, cem'

const post = (path: string, body: object = {}) => ['POST', path, body] as const

/** Who does what, in this order; and what is heard of it, by whom: nobody hears anything else. */
const rows: [
  what: string,
  who: string,
  call: readonly [string, string, object?],
  heard: Record<string, string>,
][] = [
  [
    'makes a room',
    'ann',
    post('/rooms/createAndJoin', { _id: 'r', invitee: ['bob'], roomType: 'group' }),
    { room: members },
  ],
  ['writes', 'bob', post('/rooms/r/message', { message: 'hi' }), { 'chat message': members }],
  ['edits', 'bob', post('/rooms/r/message', { _id: '$', message: 'hello' }), { 'chat message': members }],
  ['reacts', 'ann', post('/messages/$/reaction', { reaction: '+1' }), { 'chat message': members }],
  ['takes it back', 'ann', ['DELETE', '/messages/$/reaction'], { 'chat message': members }],
  ['pins', 'ann', post('/messages/$/pin'), { 'chat message': members }],
  ['hides', 'ann', post('/messages/$/hidden'), { 'chat message': members }],
  ['reads', 'ann', ['PUT', '/rooms/r/lastRead', { message: '$' }], { lastRead: members }],
  ['types', 'ann', post('/rooms/r/typing', { message: 'h' }), { typing: others }],
  ['renames the room', 'ann', ['PUT', '/rooms/r', { name: 'new' }], { room: members }],
  [
    'appoints',
    'ann',
    ['PUT', '/rooms/r/member/bob', { property: 'role', value: 'admin' }],
    { 'chat message': members, room: members },
  ],
  ['makes the room sticky', 'ann', post('/roomPrefs/r', { sticky: true }), { roomPref: own }],
  ['makes a folder', 'ann', post('/me/pref/work', { children: [] }), { myPrefChange: own }],
  ['drops the folder', 'ann', ['DELETE', '/me/pref/work'], { myPrefDelete: own }],
  [
    'deletes for herself',
    'ann',
    post('/messages/user-delete', { room: 'r', messages: ['$'] }),
    { userDeleteMessages: own },
  ],
  [
    'clears for herself',
    'ann',
    post('/messages/user-delete/all-in-room', { room: 'r' }),
    { userDeleteMessages: own },
  ],
  [
    'recalls',
    'bob',
    post('/rooms/r/message', { _id: '$', messageType: 'recall' }),
    { 'chat message': members },
  ],
  ['deletes for all', 'ann', ['DELETE', '/rooms/r/messages/$'], { deleteMessages: members, room: members }],
  [
    'begins to write',
    'ann',
    post('/rooms/r/message', { messageType: 'ai_streaming' }),
    { 'chat message': members },
  ],
  ['goes on writing', 'ann', post('/messages/$/streaming', { text: 'a' }), { ai_streaming: members }],
  [
    'invites',
    'ann',
    post('/rooms/r/members', { invitees: ['cem'], invitationRequired: true }),
    { room: members, invitation: invitee },
  ],
  [
    'cancels it',
    'ann',
    post('/rooms/r/delete/invitations', { invitees: ['cem'] }),
    { cancelInvitation: invitee },
  ],
  [
    'adds',
    'ann',
    post('/rooms/r/members', { invitees: ['cem'], systemMessage: true }),
    { 'chat message': withCem, room: withCem },
  ],
  [
    'leaves',
    'cem',
    post('/rooms/r/delete/members', { members: ['cem'], systemMessage: true }),
    { 'chat message': withCem, room: members },
  ],
  [
    'is told no more',
    'bob',
    post('/rooms/r/message', { message: 'she left' }),
    { 'chat message': members, lastRead: members },
  ],
]

t.test('what is done over HTTP is heard by those concerned, on all their devices', async (t) => {
  const listeners = await Promise.all(
    Object.entries(SOCKETS).map(async ([name, [userId, way]]) => {
      const socket = await signedIn(t, core, userId, way)
      return { name, socket, told: record(socket, EVENTS) }
    }),
  )
  let message = ''
  for (const [what, who, [method, path, body], expected] of rows) {
    const [named, content] = JSON.parse(JSON.stringify([path, body]).replaceAll('$', message))
    const result = await api(core.url, client(who)).ok(method, named, content ?? undefined)
    if (path.endsWith('/message')) message = String(result._id)
    await Promise.all(listeners.map(({ socket }) => settled(socket)))
    const hearers = new Map<string, string[]>()
    for (const { name, told } of listeners)
      for (const { event } of told.splice(0)) hearers.set(event, [...(hearers.get(event) ?? []), name])
    const heard = [...hearers].map(([event, names]) => [event, names.join(', ')])
    t.strictSame(Object.fromEntries(heard), expected, `${who} ${what}`)
  }
})

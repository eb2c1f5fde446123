/**
 * Who may call what: every endpoint of the server for every kind of caller. An endpoint without a row here fails, and
 * so does a row without its endpoint. What an answer holds is the other tests' matter; here it is its status.
 */
import t, { type Test } from 'tap'
import { routes } from '../../../core/http/routes.ts'
import { type ContractServer, type DatabaseKind, startContractServer } from '../../contract/server.ts'
import { requestOf, sendRequest } from './endpoint-requests.ts'
import { clientOf, createCopier, furnish, ROLES, type Role, type Scene } from './scene.ts'

type Row = Record<Role, number>

/** Deny by default: a row says who is let in. */
const DENIED: Row = {
  nobody: 401,
  clientKey: 401,
  outsider: 403,
  member: 403,
  blocked: 403,
  manager: 403,
  owner: 403,
  foreign: 403,
  platform: 403,
  acting: 403,
  foreignPlatform: 403,
}

const users = (status: number) => ({
  outsider: status,
  member: status,
  blocked: status,
  manager: status,
  owner: status,
})

/** Customers' servers alone. */
const PLATFORM: Row = { ...DENIED, platform: 200, acting: 200, foreignPlatform: 200 }
/** The same, about something that its app may or may not have. */
const PLATFORM_ABOUT: Row = { ...PLATFORM, foreignPlatform: 404 }
const PLATFORM_MISSING: Row = { ...PLATFORM, platform: 404, acting: 404, foreignPlatform: 404 }
/** One's own affairs: in any app, and for a customer's server that names whose. */
const OWN: Row = { ...DENIED, ...users(200), foreign: 200, platform: 400, acting: 200, foreignPlatform: 200 }
/** What every app answers for itself, with or without a user. */
const OWN_APP: Row = { ...OWN, platform: 200 }

const OWN_MISSING: Row = {
  ...OWN_APP,
  ...users(404),
  foreign: 404,
  platform: 404,
  acting: 404,
  foreignPlatform: 404,
}

const EVERYONE: Row = { ...OWN_APP, nobody: 200, clientKey: 200 }
const EVERYONE_MISSING: Row = { ...OWN_MISSING, nobody: 404, clientKey: 404 }

/** About a room: those inside it; a room of another app is not there. */
const ROOM: Row = {
  ...DENIED,
  ...users(200),
  outsider: 403,
  foreign: 404,
  platform: 200,
  acting: 200,
  foreignPlatform: 404,
}
const ROOM_MANAGED: Row = { ...ROOM, member: 403, blocked: 403 }
const ROOM_OWNED: Row = { ...ROOM_MANAGED, manager: 403 }
/** With an acting user. */
const ROOM_SELF: Row = { ...ROOM, platform: 400 }
/** Messages do not tell a room that is not there from one that is another's. */
const MESSAGES: Row = { ...ROOM, foreign: 403, foreignPlatform: 403 }
const MESSAGES_MANAGED: Row = { ...MESSAGES, member: 403, blocked: 403 }
const MESSAGES_SPOKEN: Row = { ...MESSAGES, blocked: 403 }
/** About a message by its id. */
const MESSAGE: Row = ROOM
const MESSAGE_MANAGED: Row = ROOM_MANAGED
const MESSAGE_SELF: Row = { ...MESSAGE, platform: 400 }

const EXPECTED: Readonly<Record<string, Row>> = {
  // Not in a sandbox; there a client key is enough (`administration.test.ts`).
  'POST /auths/sign': PLATFORM,
  'POST /auths/sign/v2': PLATFORM,
  'GET /auths/token': PLATFORM,
  'GET /auths/tokens': PLATFORM,
  'PUT /admin/clients/:id/token': PLATFORM,
  'DELETE /admin/clients/:id/token': PLATFORM,

  'GET /admin/app': PLATFORM,
  'PUT /admin/app/settings': PLATFORM,
  'GET /admin/app/keys': PLATFORM,
  'POST /admin/app/keys': PLATFORM,
  'POST /admin/app/keys/:id/rotate': PLATFORM_MISSING,
  'DELETE /admin/app/keys/:id': PLATFORM_MISSING,

  'POST /admin/clients': PLATFORM,
  'POST /admin/clients/list': PLATFORM,
  'GET /admin/clients': PLATFORM,
  'POST /admin/clients/:id/disable': PLATFORM,
  'POST /admin/clients/:id/enable': PLATFORM,
  'POST /admin/clients/:uid/mute/:room': PLATFORM,
  'DELETE /admin/clients/:uid/mute/:room': PLATFORM,
  'GET /admin/messages': PLATFORM,
  'GET /admin/connection-count': PLATFORM,
  'GET /admin/sockets': PLATFORM,
  'DELETE /admin/sockets/:id': PLATFORM_MISSING,
  'GET /admin/stats': PLATFORM,
  'POST /admin/groups': PLATFORM,
  'GET /admin/groups': PLATFORM,
  'GET /admin/webhooks/deliveries': PLATFORM,
  'GET /admin/webhooks/dead-letters': PLATFORM,
  'POST /admin/webhooks/dead-letters/replay': PLATFORM,
  'POST /admin/webhooks/dead-letters/:id/replay': PLATFORM_MISSING,
  'GET /admin/webhooks/secrets': PLATFORM,
  'POST /admin/webhooks/secrets': PLATFORM,
  'DELETE /admin/webhooks/secrets/:id': PLATFORM_MISSING,
  'POST /push/push2clients': PLATFORM,
  'POST /push/push2tokens': PLATFORM,

  'GET /me': OWN,
  'POST /me': OWN,
  'GET /me/badge': OWN,
  'POST /me/subscribe': OWN,
  'POST /me/unsubscribe': OWN,
  'POST /me/mute/:room': OWN,
  'DELETE /me/mute/:room': OWN,
  'POST /me/notification/enable': OWN,
  'POST /me/notification/disable': OWN,
  // A platform key logs nobody out.
  'POST /me/logout': { ...OWN, acting: 400, foreignPlatform: 400 },
  'POST /me/logout-others': OWN,
  'GET /me/pref': OWN,
  'GET /me/prefs': OWN,
  'POST /me/pref/:key': OWN,
  'DELETE /me/pref/:key': OWN,

  'GET /roomPrefs': OWN,
  'POST /roomPrefs/:room': OWN,
  'DELETE /roomPrefs/:room/:key': OWN,
  // In the other app no group has this name, so that it is one's own word (`group-prefs.ts`).
  'POST /roomPrefs/:room/group/:group': { ...OWN_APP, outsider: 403 },
  'GET /roomPrefs/group/:group': { ...OWN_APP, outsider: 403 },
  'DELETE /roomPrefs/:room/group/:group/:key': { ...OWN_APP, outsider: 403 },

  'POST /rooms': OWN_APP,
  'POST /rooms/createAndJoin': OWN_APP,
  'GET /rooms': OWN_APP,
  'GET /rooms/ids': OWN_APP,
  'GET /rooms/quitted': OWN,
  'GET /rooms/invitations': OWN,
  'GET /rooms/:id': ROOM,
  'GET /rooms/:id/exists': OWN_APP,
  'PUT /rooms/:id': ROOM_MANAGED,
  'PUT /rooms/:id/bot': ROOM,
  'DELETE /rooms/:id': ROOM_MANAGED,
  'POST /rooms/:id/join': { ...ROOM_SELF, outsider: 200 },
  'GET /rooms/:id/members': ROOM,
  'POST /rooms/:id/members': ROOM,
  'POST /rooms/:id/members/:invitee': ROOM,
  'POST /rooms/:id/delete/members': ROOM_MANAGED,
  'DELETE /rooms/:id/members/:uid': ROOM_MANAGED,
  'PUT /rooms/:id/member/:client': ROOM_MANAGED,
  'GET /rooms/:id/invitations': ROOM,
  // Declining what one was not invited to changes nothing.
  'DELETE /rooms/:id/invitations': OWN,
  'POST /rooms/:id/delete/invitations': ROOM,
  'DELETE /rooms/:id/invitations/:invitee': ROOM,

  'POST /rooms/:id/message': MESSAGES_SPOKEN,
  'GET /rooms/:id/messages/v3': MESSAGES,
  'GET /rooms/:id/messages': MESSAGES,
  'GET /rooms/:id/messages/:messageId': MESSAGES,
  'DELETE /rooms/:id/messages/:messageId': MESSAGES_MANAGED,
  'GET /rooms/:id/count': MESSAGES,
  'PUT /rooms/:id/lastRead': ROOM_SELF,
  'POST /rooms/:id/typing': { ...MESSAGES_SPOKEN, platform: 400 },
  'GET /rooms/:id/events': MESSAGES,
  'GET /rooms/:id/pined-messages': MESSAGES,
  'POST /sync': OWN_APP,

  'POST /messages': { ...PLATFORM, foreignPlatform: 403 },
  'GET /messages': OWN,
  'POST /messages/search': OWN,
  'GET /messages/recent': OWN,
  'POST /messages/batch': OWN_APP,
  'GET /messages/batch': PLATFORM_MISSING,
  'POST /messages/:id/pin': MESSAGE_MANAGED,
  'DELETE /messages/:id/pin': MESSAGE_MANAGED,
  'POST /messages/:id/hidden': MESSAGE_MANAGED,
  'DELETE /messages/:id/hidden': MESSAGE_MANAGED,
  'POST /messages/hide-by-sender-in-room': MESSAGES_MANAGED,
  'POST /messages/unhide-by-sender-in-room': MESSAGES_MANAGED,
  // Its sender is the room's owner.
  'POST /messages/:id/streaming': ROOM_OWNED,
  'POST /messages/:id/reaction': { ...MESSAGE_SELF, blocked: 403 },
  'DELETE /messages/:id/reaction': MESSAGE_SELF,
  'POST /messages/user-delete': { ...MESSAGES, platform: 400 },
  'GET /messages/user-delete': { ...MESSAGES, platform: 400 },
  'POST /messages/user-delete/all-in-room': { ...MESSAGES, platform: 400 },
  'POST /search': OWN,
  'POST /badges': { ...OWN_APP, clientKey: 200 },
  'POST /badges/byRoomTags': OWN_APP,
  'POST /badges/byRoomTagsAndTime': OWN_APP,

  'POST /files/:bucket': OWN_APP,
  'POST /files/video-info': OWN_APP,
  'POST /files/stats': OWN_APP,
  'GET /files/:bucket/:id/metadata': OWN_MISSING,
  'GET /files/:bucket/*': OWN_MISSING,

  'POST /admin/stickers': { ...PLATFORM, platform: 400, acting: 400, foreignPlatform: 400 },
  'GET /admin/stickers': PLATFORM,
  'DELETE /admin/stickers/:id': PLATFORM,
  // Where there are several apps, who names none has to say whose.
  'GET /stickers': { ...EVERYONE, nobody: 400 },
  'GET /stickers/res': EVERYONE_MISSING,

  'GET /blockStatus/my': OWN,
  'POST /blockStatus/my/:blockee': OWN,
  'DELETE /blockStatus/my/:blockee': OWN,
  'GET /blockStatus/room/:room': ROOM_OWNED,
  'POST /blockStatus/room/:room/:blockee': ROOM_OWNED,
  'DELETE /blockStatus/room/:room/:blockee': ROOM_OWNED,
  'GET /config': OWN_APP,
  'POST /config': PLATFORM,
  'DELETE /config/:key': PLATFORM_ABOUT,
}

t.test('every endpoint has its row, and every row its endpoint', async (t) => {
  const endpoints = routes.map(({ method, path }) => `${method} ${path}`)
  t.equal(new Set(endpoints).size, endpoints.length, 'no endpoint stands twice')
  t.same(
    endpoints.filter((endpoint) => EXPECTED[endpoint] === undefined),
    [],
    'endpoints that nobody has thought about',
  )
  t.same(
    Object.keys(EXPECTED).filter((endpoint) => !endpoints.includes(endpoint)),
    [],
    'rows of no endpoint',
  )
})

/** The scene that refused calls share, and a fresh one for each that is let in and may change it. */
async function createScenes(server: ContractServer) {
  const template = await server.newApp()
  const foreign = await server.newApp()
  await foreign.platform().ok('POST', '/admin/clients/list', {
    data: ['owner', 'spare'].map((_id) => ({ _id })),
  })
  const ids = await furnish(template)
  const copy = await createCopier(server.chat.db)
  const scene = { app: template, foreign, ids }
  return {
    shared: scene,
    async fresh(): Promise<Scene> {
      const app = await server.newApp()
      await copy(template.app, app.app)
      return { ...scene, app }
    },
  }
}

function runMatrix(kind: DatabaseKind, sample: (endpoint: string, index: number) => boolean): void {
  t.test(`each caller is let in or refused as the table says, on ${kind}`, async (t: Test) => {
    const server = await startContractServer(t, kind)
    const scenes = await createScenes(server)
    for (const [index, { method, path }] of routes.entries()) {
      const endpoint = `${method} ${path}`
      const row = EXPECTED[endpoint]
      if (row === undefined || !sample(endpoint, index)) continue
      const statuses: Partial<Row> = {}
      for (const role of ROLES) {
        const isChange =
          method !== 'GET' && row[role] < 400 && role !== 'foreign' && role !== 'foreignPlatform'
        const scene = isChange ? await scenes.fresh() : scenes.shared
        const client = clientOf(server, scene, role)
        const answer = await sendRequest(client, method, requestOf(endpoint, scene.ids))
        statuses[role] = answer.status
        if (answer.status !== row[role]) t.comment(`${role}: ${answer.text.slice(0, 200)}`)
      }
      t.same(statuses, row, endpoint)
    }
  })
}

runMatrix('pglite', () => true)
runMatrix('postgres', (_endpoint, index) => index % 6 === 0)

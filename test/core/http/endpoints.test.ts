import { readFile } from 'node:fs/promises'
import t from 'tap'
import { callsIn, endpointRows, renderTable, TABLE_PATH } from '../../support/endpoint-table.ts'
import { REQUESTS } from './endpoint-requests.ts'

/** Every endpoint that the contract names, in its order; left out are those that it calls out of scope. */
const CONTRACT = `
POST /auths/sign/v2
POST /auths/sign
GET /auths/token
GET /auths/tokens
POST /admin/clients
PUT /admin/clients/:clientId/token
DELETE /admin/clients/:clientId/token
POST /me/logout
POST /me/logout-others
POST /admin/clients/list
GET /admin/clients
POST /admin/clients/:uid/mute/:room
DELETE /admin/clients/:uid/mute/:room
GET /admin/messages
GET /admin/connection-count
GET /admin/stats
POST /admin/groups
GET /admin/groups
POST /admin/stickers
GET /admin/stickers
DELETE /admin/stickers/:id
GET /stickers
GET /stickers/res
GET /me
POST /me
GET /me/badge
POST /me/subscribe
POST /me/unsubscribe
POST /me/mute/:room
DELETE /me/mute/:room
POST /me/notification/enable
POST /me/notification/disable
GET /me/pref
GET /me/prefs
POST /me/pref/:key
DELETE /me/pref/:key
POST /rooms
POST /rooms/createAndJoin
GET /rooms
GET /rooms/ids
GET /rooms/quitted
GET /rooms/invitations
GET /rooms/:id
GET /rooms/:id/exists
PUT /rooms/:id
PUT /rooms/:id/bot
DELETE /rooms/:id
POST /rooms/:id/join
POST /rooms/:id/members
POST /rooms/:id/members/:invitee
POST /rooms/:id/delete/members
DELETE /rooms/:id/members/:uid
GET /rooms/:id/invitations
DELETE /rooms/:id/invitations
POST /rooms/:id/delete/invitations
DELETE /rooms/:id/invitations/:invitee
PUT /rooms/:id/member/:client
PUT /rooms/:id/lastRead
POST /rooms/:id/typing
GET /rooms/:id/count
POST /roomPrefs/:room
GET /roomPrefs
DELETE /roomPrefs/:room/:key
POST /roomPrefs/:room/group/:group
GET /roomPrefs/group/:group
DELETE /roomPrefs/:room/group/:group/:key
POST /rooms/:id/message
GET /rooms/:id/messages/v3
GET /rooms/:id/messages
GET /rooms/:id/messages/:messageID
DELETE /rooms/:id/messages/:messageID
GET /rooms/:id/pined-messages
POST /messages/:id/pin
DELETE /messages/:id/pin
POST /messages/:id/hidden
DELETE /messages/:id/hidden
POST /messages/hide-by-sender-in-room
POST /messages/unhide-by-sender-in-room
POST /messages/:id/reaction
DELETE /messages/:id/reaction
POST /messages/user-delete
GET /messages/user-delete
POST /messages/user-delete/all-in-room
GET /messages
POST /messages/search
GET /messages/recent
POST /messages
POST /messages/batch
GET /messages/batch
POST /search
POST /badges/byRoomTags
POST /badges/byRoomTagsAndTime
POST /badges
POST /files/:bucket
GET /files/:bucket/:id
HEAD /files/:bucket/:id
GET /files/:bucket/:id/metadata
POST /files/video-info
POST /files/stats
POST /blockStatus/my/:blockee
DELETE /blockStatus/my/:blockee
GET /blockStatus/my
POST /blockStatus/room/:roomID/:blockee
DELETE /blockStatus/room/:roomID/:blockee
GET /blockStatus/room/:roomID
GET /config
POST /config
DELETE /config/:key
POST /push/push2clients
POST /push/push2tokens
`
  .trim()
  .split('\n')

/** Parameters have names of their own on either side; HEAD is answered wherever GET is. */
const shapeOf = (endpoint: string): string =>
  endpoint.replace(/^HEAD/, 'GET').replace(/\/\*$/, '/:id').replaceAll(/:\w+/g, ':')

const rows = await endpointRows()

t.test('every endpoint of the contract is there', async (t) => {
  const known = new Set(rows.map(({ endpoint }) => shapeOf(endpoint)))
  t.same(
    CONTRACT.filter((endpoint) => !known.has(shapeOf(endpoint))),
    [],
  )
})

t.test('every endpoint has a test that calls it', async (t) => {
  t.same(
    rows.filter(({ test }) => test === undefined).map(({ endpoint }) => endpoint),
    [],
  )
})

t.test('the table in the docs is what the routes say', async (t) => {
  const written = await readFile(TABLE_PATH, 'utf8').catch(() => '')
  t.ok(written === renderTable(rows), 'run `npm run docs:endpoints`')
})

t.test('every endpoint has a request in the catalogue that the generated tests are made from', async (t) => {
  const endpoints = rows.map(({ endpoint }) => endpoint)
  t.same(
    endpoints.filter((endpoint) => REQUESTS[endpoint] === undefined),
    [],
  )
  t.same(
    Object.keys(REQUESTS).filter((endpoint) => !endpoints.includes(endpoint)),
    [],
  )
})

t.test('calls are found in a test as the router would find them', async (t) => {
  const text = [
    "await ann.ok('GET', '/rooms/ids?limit=1')",
    "call('POST', `/rooms/$" + '{id}/members/`, {})',
    "call(\n  'POST',\n  `/rooms/$" + '{room}/message`)',
    "for (const [method, path] of [['DELETE', '/rooms/x']])",
    "call('GET', '/nothing/here')",
  ].join('\n')
  t.same(
    callsIn(text).map(({ method, path }) => `${method} ${path}`),
    ['GET /rooms/ids', 'POST /rooms/:id/members', 'POST /rooms/:id/message', 'DELETE /rooms/:id'],
  )
})

/**
 * Two apps of one deployment in which everything has the same ids. Whatever the most powerful callers of one do, no
 * row of the other changes, and nothing of the other is answered or told.
 */
import t from 'tap'
import { routes } from '../../../core/http/routes.ts'
import type { Database } from '../../../core/store/database.ts'
import { DATABASES, startContractServer } from '../../contract/server.ts'
import { asList } from '../../support/api-client.ts'
import { requestOf, sendRequest } from './endpoint-requests.ts'
import { createCopier, furnish, tablesOfApps } from './scene.ts'

/** Every row of an app, in one digest for each table. */
async function digestsOf(db: Database, tables: Iterable<string>, app: string): Promise<Map<string, string>> {
  const digests = new Map<string, string>()
  for (const table of tables) {
    const [row] = await db.query<{ digest: string }>(
      '',
      `SELECT count(*) || ' ' || md5(COALESCE(string_agg(row::text, ',' ORDER BY row::text), '')) AS digest
       FROM ${table} row WHERE app = $1`,
      [app],
    )
    digests.set(table, row?.digest ?? '')
  }
  return digests
}

for (const kind of DATABASES)
  t.test(`what is done in one app changes nothing in another of the same ids, on ${kind}`, async (t) => {
    const server = await startContractServer(t, kind)
    const { db } = server.chat
    const bystander = await server.newApp()
    // Being the only one is a matter of its own: gateways are told when it ends.
    await server.newApp()
    const ids = await furnish(bystander)
    await bystander.platform().ok('POST', '/admin/clients', { _id: 'owner', token: 'a-bound-token' })
    const tables = [...(await tablesOfApps(db)).keys()]
    const before = await digestsOf(db, tables, bystander.app)
    const copy = await createCopier(db)
    bystander.takeEvents()
    for (const { method, path } of routes) {
      const endpoint = `${method} ${path}`
      const request = requestOf(endpoint, ids)
      const actor = await server.newApp()
      await copy(bystander.app, actor.app)
      for (const client of [actor.platform(), actor.platform('owner'), actor.user('owner')]) {
        const answer = await sendRequest(client, method, request)
        t.notOk(answer.text.includes(bystander.app), `${endpoint} names the other app`)
      }
      const after = await digestsOf(db, tables, bystander.app)
      const changed = tables.filter((table) => before.get(table) !== after.get(table))
      t.same(changed, [], `${endpoint} changed the other app`)
    }
    t.same(bystander.takeEvents(), [], 'and nobody there was told anything')
  })

t.test('rooms, messages, lists and badges of one app hold nothing of another', async (t) => {
  const server = await startContractServer(t, 'pglite')
  const [one, other] = [await server.newApp(), await server.newApp()]
  for (const app of [one, other]) {
    await app.user('ann').ok('POST', '/rooms/createAndJoin', { _id: 'room', name: app.app, invitee: 'bob' })
    await app.user('ann').ok('POST', '/rooms/room/message', { message: `in ${app.app}` })
  }
  await other.user('ann').ok('POST', '/rooms/room/message', { message: 'one more' })
  const bob = one.user('bob')
  t.match(await bob.ok('GET', '/rooms'), { totalCount: 1, data: [{ name: one.app, unread: 1 }] })
  t.match(await bob.ok('GET', '/me/badge'), { badge: 1 })
  t.same(
    asList(await bob.ok('GET', '/rooms/room/messages')).map(({ message }) => message),
    [`in ${one.app}`],
  )
  t.same(
    asList(await one.platform().ok('GET', '/admin/messages')).map(({ message }) => message),
    [`in ${one.app}`],
  )
  const [theirs] = asList(await other.user('bob').ok('GET', '/rooms/room/messages'))
  t.match(await bob.call('POST', `/messages/${theirs?._id}/reaction`, { reaction: '!' }), {
    status: 404,
    code: 'MESSAGE_NOT_FOUND',
  })
  const reply = await bob.ok('POST', '/rooms/room/message', { message: 'x', reply: theirs?._id })
  t.notOk(reply.reply, 'nor is a message of another app quoted')
  t.match(await one.platform().ok('GET', '/admin/stats'), {
    clientId: one.app,
    messageCount: 2,
    totalUserCount: 2,
  })
})

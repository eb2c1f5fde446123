import { once } from 'node:events'
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import t, { type Test } from 'tap'
import { createDemoServer } from '../../deploy/demo/server.ts'
import { DEMO_USERS } from '../../deploy/demo/users.ts'

type Asked = { line: string; headers: IncomingMessage['headers']; body: Record<string, unknown> }

/** A gateway that takes everything down and answers 200, or what it is told to. */
async function platformStandIn(t: Test) {
  const asked: Asked[] = []
  const answer = { status: 200 }
  const server = createServer(async (req, res) => {
    const chunks = await req.toArray()
    asked.push({
      line: `${req.method} ${req.url}`,
      headers: req.headers,
      body: JSON.parse(Buffer.concat(chunks).toString()),
    })
    res.writeHead(answer.status).end('{}')
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, asked, answer }
}

async function start(t: Test) {
  const platform = await platformStandIn(t)
  const clock = { nowMs: 1_700_000_000_000 }
  const warnings: string[] = []
  const demo = await createDemoServer({
    clientKey: 'the-client-key',
    platformKey: 'the-platform-key',
    gatewayUrl: () => platform.url,
    warn: (line) => warnings.push(line),
    clock: () => clock.nowMs,
  })
  t.teardown(demo.close)
  const signIn = (body: unknown, headers: Record<string, string> = {}) =>
    fetch(`${demo.url}/demo/sign-in`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: JSON.stringify(body),
    })
  return { ...platform, demo, clock, warnings, signIn }
}

t.test('signing in binds a fresh token with the platform key, and never shows that key', async (t) => {
  const { asked, clock, signIn } = await start(t)
  const first = await signIn({ user: 'ada' })
  t.equal(first.status, 200)
  t.equal(first.headers.get('cache-control'), 'no-store')
  const text = await first.text()
  t.notMatch(text, 'the-platform-key')
  const session = JSON.parse(text)
  t.match(session, { user: { id: 'ada', nickname: 'Ada Lovelace' }, clientKey: 'the-client-key' })
  t.match(session.token, /^[\w-]{32}$/)

  t.match(asked, [{ line: 'POST /admin/clients', headers: { 'im-api-key': 'the-platform-key' } }])
  t.match(asked[0]?.body, {
    _id: 'ada',
    token: session.token,
    expirationDate: new Date(clock.nowMs + 86_400_000).toISOString(),
  })

  const second = (await (await signIn({ user: 'ada' })).json()) as { token: string }
  t.not(second.token, session.token)
})

t.test('only the people of the demo can sign in', async (t) => {
  const { asked, signIn } = await start(t)
  for (const user of ['admin', '__proto__', 'constructor', ''])
    t.equal((await signIn({ user })).status, 404, `${user} is nobody`)
  for (const body of [{}, { user: ['ada'] }, { user: { id: 'ada' } }, { user: 'a'.repeat(65) }, null, 'ada'])
    t.equal((await signIn(body)).status, 400, JSON.stringify(body))
  t.strictSame(asked, [], 'the chat heard nothing of it')
})

t.test('a page of another site cannot sign anybody in', async (t) => {
  const { asked, signIn } = await start(t)
  for (const site of ['cross-site', 'same-site', 'none'])
    t.equal((await signIn({ user: 'ada' }, { 'sec-fetch-site': site })).status, 403, site)
  t.equal((await signIn({ user: 'ada' }, { 'sec-fetch-site': 'same-origin' })).status, 200)
  t.equal(asked.length, 1)
})

t.test('sign-ins are bounded, and open again after a minute', async (t) => {
  const { clock, signIn } = await start(t)
  for (let count = 0; count < 60; count++) t.equal((await signIn({ user: 'alan' })).status, 200)
  t.equal((await signIn({ user: 'alan' })).status, 429)
  clock.nowMs += 60_000
  t.equal((await signIn({ user: 'alan' })).status, 200)
})

t.test('a chat that does not answer well is told as such, without its words', async (t) => {
  const { answer, signIn, warnings } = await start(t)
  answer.status = 503
  const refused = await signIn({ user: 'grace' })
  t.equal(refused.status, 502)
  t.match(await refused.json(), { error: { code: 'CHAT_UNAVAILABLE' } })
  t.match(warnings, [/grace.*503/])
  t.notMatch(warnings.join(), 'the-platform-key')
})

t.test('the introduction saves the people and opens their first room', async (t) => {
  const { asked, demo } = await start(t)
  await demo.introduce()
  t.match(asked, [
    { line: 'POST /admin/clients/list', body: { data: DEMO_USERS.map(({ id }) => ({ _id: id })) } },
    {
      line: 'POST /rooms/createAndJoin',
      headers: { 'im-client-id': 'ada' },
      body: { _id: 'lobby', roomType: 'group', invitee: ['grace', 'alan', 'linus'] },
    },
  ])
})

t.test('the page is served as it is, under a policy that runs nothing else', async (t) => {
  const { demo } = await start(t)
  const page = await fetch(`${demo.url}/demo`)
  t.equal(page.url, `${demo.url}/demo/`, 'the address without its slash leads to the page')
  t.equal(page.status, 200)
  t.equal(page.headers.get('content-type'), 'text/html; charset=utf-8')
  t.equal(page.headers.get('x-content-type-options'), 'nosniff')
  const policy = page.headers.get('content-security-policy') ?? ''
  t.match(policy, "default-src 'none'")
  t.match(policy, "script-src 'self'")
  t.notMatch(policy, /unsafe|\*/)
  t.notMatch(await page.text(), /<script(?![^>]*src=)|\son\w+=|style=/, 'no script or style inside the page')

  for (const name of ['app.js', 'style.css', 'icon.svg', 'socket.io.js'])
    t.equal((await fetch(`${demo.url}/demo/${name}`)).status, 200, name)
  for (const name of [
    'server.ts',
    '..%2fserver.ts',
    '%2e%2e/server.ts',
    'page/app.js',
    '__proto__',
    'app.js/',
  ])
    t.equal((await fetch(`${demo.url}/demo/${name}`)).status, 404, name)
})

import t from 'tap'
import { startNginx } from '../support/nginx.ts'
import { connectSocket, fromBase64 } from '../support/socket-client.ts'
import { startStack } from '../support/stack.ts'

// nginx drops header names with underscores unless it is told otherwise, and most installations never tell it.

const stack = await startStack(t)
const nginx = await startNginx(t, stack.url)
const { clientKey, platformKey } = stack.keys
const user = await stack.createUser('behind')

t.test('the new headers work behind a stock nginx', async (t) => {
  t.match(await stack.as(user.token, nginx.url).ok('GET', '/me'), { _id: 'behind' })
  const platform = stack.client({ 'IM-API-KEY': platformKey }, nginx.url)
  t.ok(Number((await platform.ok('GET', '/admin/clients')).totalCount) >= 1)
})

const DROPPED: Record<string, Record<string, string>> = {
  'the platform key as API_KEY': { API_KEY: platformKey },
  'the client key as CLIENT_KEY, beside IM-Authorization': {
    CLIENT_KEY: clientKey,
    'IM-Authorization': user.token,
  },
  'the client key as CLIENT_KEY, beside Authorization': { CLIENT_KEY: clientKey, Authorization: user.token },
  'the client key as CLIENT_KEY alone': { CLIENT_KEY: clientKey },
}
for (const [name, headers] of Object.entries(DROPPED)) {
  t.test(`${name} fails there with an error that names the cause`, async (t) => {
    const answer = await stack.client(headers, nginx.url).call('GET', '/me')
    t.match(answer, { status: 401, RC: 401 })
    t.match(answer.text, /underscore/)
  })
}

t.test('sockets authenticate behind a stock nginx, as their keys are in no header', async (t) => {
  for (const transport of ['websocket', 'polling'] as const) {
    const socket = connectSocket(t, 4, nginx.url, { transports: [transport] })
    await socket.connected
    await socket.ask('conf', { encoding: 'base64' })
    const credentials = { CLIENT_KEY: clientKey, Authorization: user.token }
    const answer = fromBase64(await socket.ask('auth2', user.token, credentials))
    t.match(answer, { RC: 0, result: { client: 'behind' } }, transport)
    socket.close()
  }
})

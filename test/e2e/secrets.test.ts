import { randomBytes } from 'node:crypto'
import t from 'tap'
import { openRaw, requestText } from '../support/raw-http.ts'
import { connectSocket } from '../support/socket-client.ts'
import { startStack } from '../support/stack.ts'

// Every secret of this run is random, so that finding one in a log can have one cause only.

const jwtSecret = randomBytes(32).toString('base64url')
const stack = await startStack(t, {
  redis: true,
  gatewayEnv: { LOG_LEVEL: 'trace' },
  coreEnv: { LOG_LEVEL: 'trace', JWT_SECRET: jwtSecret },
})
const { clientKey, platformKey } = stack.keys
const random = (name: string) => `${name}-${randomBytes(12).toString('hex')}`

t.test('no secret appears in any log, metric or error, whatever was done with it', async (t) => {
  const own = random('own-token')
  const wrong = random('wrong-token')
  const wrongKey = random('wrong-key')
  const { api } = await stack.createUser('careful', { token: own })
  const issued = await stack.createUser('issued')
  const secrets = [own, wrong, wrongKey, issued.token, clientKey, platformKey, jwtSecret]
  secrets.push(stack.identityKeys.split(':')[1] ?? '')
  const answers: string[] = []

  const attempts: [Record<string, string>, string, string][] = [
    [api.headers, 'GET', '/me'],
    [api.headers, 'GET', '/no-such-path'],
    [issued.api.headers, 'GET', '/rooms?q={'],
    [{ 'IM-Client-Key': clientKey, 'IM-Authorization': wrong }, 'GET', '/me'],
    [{ CLIENT_KEY: wrongKey, Authorization: own }, 'GET', '/me'],
    [{ API_KEY: wrongKey }, 'GET', '/admin/clients'],
    [{ 'IM-Client-Key': clientKey, CLIENT_KEY: wrongKey, 'IM-Authorization': own }, 'GET', '/me'],
    [{ 'IM-API-KEY': platformKey, Origin: 'https://x.example' }, 'GET', '/admin/clients'],
    [{ 'IM-API-KEY': platformKey, Referer: `https://x.example/?token=${own}` }, 'GET', '/admin/clients'],
    [api.headers, 'GET', `/rooms?token=${own}&IM-Authorization=${wrong}`],
  ]
  for (const [headers, method, path] of attempts) {
    answers.push((await stack.client(headers).call(method, path)).text)
  }
  const malformed = await stack
    .client({ 'IM-API-KEY': platformKey })
    .call('PUT', '/admin/clients/careful/token', undefined, {
      rawBody: `{"token":"${wrong}"`,
      headers: { 'Content-Type': 'application/json' },
    })
  answers.push(malformed.text)
  await stack.platform.call('PUT', '/admin/clients/careful/token', {
    token: own,
    expirationDate: 'not a date',
  })

  for (const broken of [
    requestText('GET /me HTTP/1.1', [`IM-Authorization: ${own}`, 'Bad Header Name: x']),
    `GET /me?${own} HTTP/9.9\r\nIM-Client-Key: ${clientKey}\r\n\r\n`,
    requestText('GET /me HTTP/1.1', [`IM-Authorization: ${own}`, `X: ${'x'.repeat(100_000)}`]),
    requestText('GET /socket.io/?EIO=4&transport=websocket HTTP/1.1', [
      `IM-Authorization: ${own}`,
      'Upgrade: h2c',
      'Connection: Upgrade',
    ]),
  ]) {
    const connection = await openRaw(stack.url)
    connection.write(broken)
    answers.push((await connection.response()).text())
    connection.destroy()
  }

  const socket = connectSocket(t, 4, stack.url)
  await socket.connected
  answers.push(
    JSON.stringify(await socket.ask('auth2', wrong, { CLIENT_KEY: clientKey, Authorization: wrong })),
  )
  answers.push(JSON.stringify(await socket.ask('auth2', own, { CLIENT_KEY: wrongKey, Authorization: own })))
  answers.push(JSON.stringify(await socket.ask('auth2', own, { CLIENT_KEY: clientKey, Authorization: own })))
  answers.push(JSON.stringify(await socket.ask('auth', { token: own })))
  await stack.platform.ok('DELETE', '/admin/clients/careful/token', { token: own })
  socket.close()

  for (const service of [...stack.gateways, ...stack.cores])
    answers.push(await (await fetch(`${service.adminUrl}/metrics`)).text())
  for (const service of [...stack.gateways, ...stack.cores]) await service.stop()
  const logs = stack.logs()
  t.ok(logs.includes('listening'), 'there are logs to search')
  for (const secret of secrets) {
    const name = secret.replace(/.{12}$/, '…').slice(0, 20)
    t.notOk(logs.includes(secret), `the logs hold ${name}`)
    t.notOk(answers.join('\n').includes(secret), `an answer holds ${name}`)
  }
})

/**
 * What the gateway sends and is configured with are secrets: the user's token, the app's HMAC secret, a key in the
 * URL's query. Client libraries put URLs and answers into their errors, and errors go into logs.
 */
import t from 'tap'
import { answerByToken, answerJson, type Respond, startAuthService } from '../gateway/authn/auth-service.ts'
import { signHs256 } from '../gateway/authn/jwt-issuer.ts'
import { startForeignGateway } from './foreign-gateway.ts'

const PLANTED = 'pl4nted'

t.test('no planted secret is in a log, a metric, an answer, or a request to the core', async (t) => {
  const service = await startAuthService(t, answerByToken)
  const secret = `${PLANTED} secret that is long enough for HS256`
  const url = `${service.url}/verify?key=${PLANTED}-key`
  const gateway = await startForeignGateway(t, {
    jwt: { algorithm: 'HS256', secret },
    external: { url, timeoutMs: 300, cacheMs: 0, isDeployments: false },
  })
  const answers: string[] = []
  const responds: Respond[] = [
    answerByToken,
    answerJson({}, 401),
    answerJson({ message: PLANTED }, 500),
    (_, response) => response.end(`${PLANTED}, no JSON`),
    answerJson({ id: { planted: PLANTED } }),
    (_, response) => response.socket?.end(`${PLANTED}\r\n`),
    () => {},
  ]
  for (const [i, respond] of responds.entries()) {
    service.respond = respond
    answers.push((await gateway.send(`token-of-${i}-${PLANTED}`)).text())
  }
  const exp = Math.floor(Date.now() / 1_000) + 60
  const key = new TextEncoder().encode(secret)
  for (const claims of [
    { id: 'ada', exp },
    { id: 'ada', nickname: PLANTED, exp: 1 },
    { name: PLANTED, exp },
  ])
    answers.push((await gateway.send(await signHs256(claims, {}, key))).text())
  service.respond = answerByToken
  await service.stop()
  answers.push((await gateway.send(`token-of-late-${PLANTED}`)).text())

  t.notOk(answers.join('').includes(PLANTED), 'answers')
  t.notOk(gateway.log().includes(PLANTED), 'log')
  t.notOk((await gateway.metrics()).includes(PLANTED), 'metrics')
  t.match(await gateway.metrics(), /external-failed/)
  const received = gateway.upstream.requests
    .map((request) => request.head.replace(/im-identity: [^\r]*/i, ''))
    .join('')
  t.ok(received.length > 0)
  t.notOk(received.includes(PLANTED), 'the core')
})

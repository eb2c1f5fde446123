/**
 * Fields of an answer that are not the client's to see: an identity or a credential that a core echoes, in any
 * spelling, in trailers too; what `Connection` names; CORS fields, by which a core could open an answer to an
 * origin that the gateway has not allowed.
 */
import t from 'tap'
import { startCore, startFront, startPool } from '../gateway/upstream/stand-ins.ts'
import { requestText, sendRaw } from '../support/raw-http.ts'

const WITHHELD = [
  'IM-Identity',
  'im_identity',
  'IM.Identity',
  'Im-Identity-2',
  'IM_Credential_Position',
  'IM-Credential-Position',
  'IM-Node-ID',
  'im_node_id',
  'IM-Authorization',
  'Authorization',
  'IM-API-KEY',
  'API_KEY',
  'CLIENT_KEY',
  'IM-Client-Key',
  'Proxy-Authenticate',
  'Proxy-Connection',
  'Keep-Alive',
  'TE',
  'Trailer',
  'Upgrade',
  'Content_Length',
  'Transfer.Encoding',
  'X-Named',
  'X-Request-ID',
  'Access-Control-Allow-Credentials',
  'Access_Control_Allow_Origin',
]

t.test('none of them reaches the client; the others do', async (t) => {
  const fields = WITHHELD.map((name) => `${name}: secret\r\n`).join('')
  const core = await startCore(t, ({ answer }) =>
    answer(
      `HTTP/1.1 200 OK\r\nConnection: x-named, x_other\r\n${fields}X-Kept: kept\r\nContent-Length: 0\r\n\r\n`,
    ),
  )
  const front = await startFront(t, await startPool(t, [core.url]))
  const answer = await sendRaw(front.port, requestText('GET / HTTP/1.1'))
  t.equal(answer.header('x-kept'), 'kept')
  t.notMatch(JSON.stringify(answer.fields), /secret/)
  t.equal(answer.header('access-control-allow-origin'), '*')
})

t.test('nor in trailers', async (t) => {
  const core = await startCore(t, ({ answer }) =>
    answer(
      'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: IM-Identity\r\n\r\n2\r\nhi\r\n0\r\nIM-Identity: secret\r\n\r\n',
    ),
  )
  const front = await startFront(t, await startPool(t, [core.url]))
  const answer = await sendRaw(front.port, requestText('GET / HTTP/1.1'))
  t.equal(answer.text(), 'hi')
  t.notMatch(JSON.stringify(answer.fields), /identity|trailer/i)
})

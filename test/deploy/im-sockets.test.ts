import t from 'tap'
import { asList, type Json } from '../support/api-client.ts'
import { connectSocket } from '../support/socket-client.ts'
import { startStack } from '../support/stack.ts'
import { customer, im } from './im.ts'

t.setTimeout(240_000)

t.test('im lists live sockets, and cuts one', async (t) => {
  const stack = await startStack(t)
  const env = customer(stack)
  const ben = await stack.createUser('ben')
  const socket = connectSocket(t, 4, stack.url, { reconnection: false })
  await socket.connected
  t.match(await socket.ask('auth', ben.token), { RC: 0 })
  const [ofBen, ofNobody, shown] = await Promise.all([
    im(['sockets', 'list', 'ben', '--json'], { env }),
    im(['sockets', 'list', 'nobody', '--json'], { env }),
    im(['sockets', 'list'], { env }),
  ])
  const { data } = ofBen.json as Json
  const [listed] = asList(data ?? [])
  t.match(listed, { client: 'ben', transport: 'websocket' })
  t.match(ofNobody.json, { complete: true, data: [] })
  t.match(shown.stdout, /^ID +USER +DEVICE +TRANSPORT +SINCE +CREDENTIAL +CORE\n.* ben /)
  t.match(await im(['sockets', 'cut', String(listed?.id)], { env }), { code: 0, stdout: /is cut/ })
  await socket.disconnected
  t.match(await im(['sockets', 'cut', String(listed?.id)], { env }), {
    code: 1,
    stderr: 'im: No such live socket. (SOCKET_NOT_FOUND)\n',
  })
})

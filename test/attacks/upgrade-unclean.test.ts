/**
 * Upgrades to something else, in another version, with a body or in another method confuse whoever stands behind a
 * gateway that only looks for `Upgrade` (h2c smuggling: HTTP/2 past the proxy's rules). Only a clean WebSocket upgrade
 * is one; the core never hears of the others as upgrades.
 */
import t from 'tap'
import { KEY, startStand, upgradeText } from '../gateway/tunnel/stand.ts'
import { openRaw } from '../support/raw-http.ts'
import { startRecordingUpstream } from '../support/recording-upstream.ts'

const CLEAN = upgradeText()
const unclean: Record<string, string> = {
  h2c: CLEAN.replace('Upgrade: websocket', 'Upgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQ'),
  'websocket and h2c': CLEAN.replace('Upgrade: websocket', 'Upgrade: websocket, h2c'),
  'two Upgrade fields': CLEAN.replace('Upgrade: websocket', 'Upgrade: websocket\r\nUpgrade: h2c'),
  POST: CLEAN.replace('GET', 'POST'),
  HEAD: CLEAN.replace('GET', 'HEAD'),
  'HTTP/1.0': CLEAN.replace('HTTP/1.1', 'HTTP/1.0'),
  'version 8': CLEAN.replace('Version: 13', 'Version: 8'),
  'versions 13 and 8': CLEAN.replace('Version: 13', 'Version: 13, 8'),
  'no version': CLEAN.replace('Sec-WebSocket-Version: 13\r\n', ''),
  'no key': CLEAN.replace(`Sec-WebSocket-Key: ${KEY}\r\n`, ''),
  'a short key': CLEAN.replace(KEY, 'dGhlIHNhbXBsZQ=='),
  'two keys': CLEAN.replace('Sec-WebSocket-Key', `Sec-WebSocket-Key: ${KEY}\r\nSec-WebSocket-Key`),
  'a second key in another spelling': CLEAN.replace(
    'Sec-WebSocket-Key',
    `Sec_WebSocket_Key: ${KEY}\r\nSec-WebSocket-Key`,
  ),
  'a fixed body': CLEAN.replace('\r\n\r\n', '\r\nContent-Length: 5\r\n\r\nGET /'),
  'a chunked body': CLEAN.replace('\r\n\r\n', '\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n'),
  'an expectation': CLEAN.replace('\r\n\r\n', '\r\nExpect: 100-continue\r\n\r\n'),
  'a subprotocol that is no token': CLEAN.replace('\r\n\r\n', '\r\nSec-WebSocket-Protocol: a b\r\n\r\n'),
}

for (const [name, text] of Object.entries(unclean))
  t.test(`an upgrade with ${name} is none`, async (t) => {
    const core = await startRecordingUpstream(t)
    const stand = await startStand(t, { cores: [core.port] })
    const client = await openRaw(stand.port)
    client.write(text)
    let { status } = await client.response({ toHead: name === 'HEAD' })
    if (status === 100) status = (await client.response()).status
    t.ok(status >= 400 && status < 500, `answered with ${status}`)
    t.equal(core.connections.length, 0)
  })

t.test('the clean one is one', async (t) => {
  const core = await startRecordingUpstream(t)
  const stand = await startStand(t, { cores: [core.port] })
  const client = await openRaw(stand.port)
  client.write(CLEAN.replace('Connection: Upgrade', 'Connection: keep-alive, Upgrade'))
  t.equal((await client.response()).status, 101)
})

t.test('a query that means two things, or asks for JSONP, opens nothing', async (t) => {
  const core = await startRecordingUpstream(t)
  const stand = await startStand(t, { cores: [core.port] })
  for (const query of ['EIO=4&EIO=3', 'sid=a.b&sid=c.d', 'EIO=4&j=0', 'EIO=3&%6a=1']) {
    const client = await openRaw(stand.port)
    client.write(upgradeText([], `/socket.io/?${query}`))
    t.equal((await client.response()).status, 400, query)
  }
  t.equal(core.connections.length, 0)
})

import fc from 'fast-check'
import t from 'tap'
import { AUTH_EVENTS } from '../../../core/contract/socket-auth.ts'
import { judgePacket } from '../../../gateway/tunnel/packet-grammar.ts'
import { parseExchangePacket, rewriteConnect, rewriteEvent } from '../../../gateway/tunnel/socket-packet.ts'

const credentials = (given: object) => ({
  clientKey: undefined,
  clientToken: undefined,
  platformKey: undefined,
  deviceId: undefined,
  actingUserId: undefined,
  ...given,
})

t.test('an event keeps its name and its ack id', async (t) => {
  t.same(parseExchangePacket('42["auth","token"]'), {
    kind: 'event',
    event: 'auth',
    ackId: '',
    presented: { credentials: credentials({ clientToken: 'token' }) },
  })
  t.same(parseExchangePacket('420012[ "\\u0061uth2", "token", {"CLIENT_KEY": "key"} ]'), {
    kind: 'event',
    event: 'auth2',
    ackId: '0012',
    presented: { credentials: credentials({ clientToken: 'token', clientKey: 'key' }) },
  })
  t.equal(
    rewriteEvent({ event: 'auth2', ackId: '0012' }, { identity: 'signed' }),
    '420012["auth2",{"identity":"signed"}]',
  )
})

t.test('the token argument wins over the headers, the new name over the old', async (t) => {
  const tokenOf = (...args: unknown[]) => {
    const packet = parseExchangePacket(`42${JSON.stringify(['auth2', ...args])}`)
    return packet?.kind === 'event' && 'credentials' in packet.presented
      ? packet.presented.credentials.clientToken
      : undefined
  }
  t.equal(tokenOf('argument', { Authorization: 'old', 'IM-Authorization': 'new' }), 'argument')
  t.equal(tokenOf('', { Authorization: 'old', 'IM-Authorization': 'new' }), 'new')
  t.equal(tokenOf('undefined', { authorization: 'Bearer old' }), 'old')
  t.equal(tokenOf(' token ', {}), 'token')
})

t.test('a CONNECT payload loses what is ours and keeps the rest', async (t) => {
  const parsed = parseExchangePacket(
    '40{"Token":"t","CLIENT_KEY":"k","api.key":"p","im_identity":"x","IM-Identity-2":"x","__proto__":{"a":1},"n":5}',
  )
  t.match(parsed, {
    kind: 'connect',
    unchanged: false,
    presented: { credentials: credentials({ clientToken: 't', clientKey: 'k', platformKey: 'p' }) },
  })
  const rest = parsed?.kind === 'connect' ? parsed.rest : undefined
  t.equal(JSON.stringify(rest), '{"__proto__":{"a":1},"n":5}')
  t.equal(rewriteConnect(rest, 'signed'), '40{"__proto__":{"a":1},"n":5,"im-identity":"signed"}')
  t.match(parseExchangePacket('40{"a":1}'), { unchanged: true, presented: undefined })
  t.match(parseExchangePacket('40{"token":null}'), {
    unchanged: false,
    presented: undefined,
    rest: undefined,
  })
})

t.test('another namespace keeps its path only', async (t) => {
  for (const text of ['40/admin', '40/admin,', '40/admin,{"token":"t"}', '40/admin?token=t,', '40/admin?a=b'])
    t.same(parseExchangePacket(text), { kind: 'foreign-connect', namespace: '/admin' }, text)
  t.equal(parseExchangePacket(`40/${'x'.repeat(300)}`), undefined)
})

t.test('what the core could not read is malformed', async (t) => {
  for (const text of ['42["auth"', '42["auth"]x', '40{"a":1', '40{}}', '42["other"]', '42{"0":"auth"}', ''])
    t.equal(parseExchangePacket(text), undefined, text)
})

t.test('whatever the arguments are: parsed or malformed, never thrown', async (t) => {
  const args = fc.array(fc.jsonValue(), { maxLength: 4 })
  const keys = fc.constantFrom(
    'CLIENT_KEY',
    'Authorization',
    'IM-API-KEY',
    'im_client_id',
    '__proto__',
    'token',
  )
  const headers = fc.dictionary(keys, fc.jsonValue())
  const property = fc.property(args, headers, fc.constantFrom(...AUTH_EVENTS), (args, headers, event) => {
    const texts = [
      `42${JSON.stringify([event, ...args])}`,
      `42${JSON.stringify([event, 'token', headers])}`,
      `40${JSON.stringify(headers)}`,
    ]
    return texts.every((text) => judgePacket(text) !== 'pass' && parseExchangePacket(text) !== undefined)
  })
  t.doesNotThrow(() => fc.assert(property, { numRuns: 500 }))
})

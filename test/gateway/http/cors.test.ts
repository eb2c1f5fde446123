import t from 'tap'
import { originAllowed } from '../../../gateway/headers/origin.ts'
import { corsFields, preflightFields } from '../../../gateway/http/cors.ts'

const list = ['https://chat.example.com']

t.test('an origin is allowed by exact match alone', async (t) => {
  t.ok(originAllowed('https://chat.example.com', list))
  for (const origin of [
    'null',
    'https://chat.example.com.evil.example',
    'https://evilchat.example.com',
    'http://chat.example.com',
    'https://chat.example.com:444',
    'https://CHAT.example.com',
    '',
    'https://chat.example.com/',
  ])
    t.notOk(originAllowed(origin, list), origin)
  t.notOk(originAllowed('null', ['null']), 'null is never trusted, even when listed')
})

t.test('any origin: one field that caches may share', async (t) => {
  t.match(corsFields('https://a.example', ['*']), ['Access-Control-Allow-Origin', '*'])
})

t.test('a listed origin is echoed, and caches are told that the answer varies', async (t) => {
  const fields = corsFields('https://chat.example.com', list)
  t.ok(fields.includes('https://chat.example.com'))
  t.ok(fields.includes('Vary'))
  t.same(corsFields('https://evil.example', list), ['Vary', 'Origin'])
  t.same(corsFields(undefined, list), ['Vary', 'Origin'])
})

t.test(
  'a preflight names every header that shipped clients send, and never allows credentials',
  async (t) => {
    const fields = preflightFields('https://a.example', ['*'])
    const headers = fields[fields.indexOf('Access-Control-Allow-Headers') + 1]?.toLowerCase() ?? ''
    for (const name of [
      'im-authorization',
      'im-client-key',
      'im-client-id',
      'im-device-id',
      'im-api-key',
      'client_key',
      'api_key',
      'authorization',
      'content-type',
      'x-timezone',
      'accept-language',
    ])
      t.ok(headers.split(', ').includes(name), name)
    t.notOk(fields.some((field) => /allow-credentials/i.test(field)))
    t.same(preflightFields('https://evil.example', list), ['Vary', 'Origin'])
  },
)

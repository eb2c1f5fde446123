import { promisify } from 'node:util'
import { brotliDecompress, gunzip, inflate } from 'node:zlib'
import t from 'tap'
import { request } from 'undici'
import { chooseEncoding } from '../../../core/http/compression.ts'
import { startContractServer } from '../../contract/server.ts'

t.test('of the encodings that a client takes, the best is chosen', async (t) => {
  for (const [accepted, chosen] of [
    [undefined, undefined],
    ['', undefined],
    ['identity', undefined],
    ['gzip, deflate, br', 'br'],
    ['gzip, deflate', 'gzip'],
    ['deflate', 'deflate'],
    ['GZIP', 'gzip'],
    ['gzip;q=1.0, br;q=0.5', 'gzip'],
    ['br;q=0, gzip', 'gzip'],
    ['*', 'br'],
    ['*;q=0', undefined],
    ['br;q=0, *;q=0.1', 'gzip'],
    ['identity, gzip;q=0.5', undefined],
    ['zstd, x-unknown', undefined],
  ] as const)
    t.equal(chooseEncoding(accepted), chosen, String(accepted))
})

const UNPACK = { br: promisify(brotliDecompress), gzip: promisify(gunzip), deflate: promisify(inflate) }

t.test('large answers are compressed where the client asks for it, others are not', async (t) => {
  const server = await startContractServer(t, 'postgres')
  const app = await server.newApp()
  const ann = app.user('ann')
  await ann.ok('POST', '/me', { description: 'long '.repeat(400) })
  const ask = async (path: string, accepted: string | undefined, method: 'GET' | 'HEAD' = 'GET') => {
    const headers = { ...ann.headers, ...(accepted !== undefined && { 'accept-encoding': accepted }) }
    const answer = await request(`${server.url}${path}`, { method, headers })
    return { ...answer, bytes: Buffer.from(await answer.body.arrayBuffer()) }
  }
  const plain = await ask('/me', undefined)
  t.match(plain.headers, { 'content-encoding': undefined, vary: 'accept-encoding' })
  for (const encoding of ['br', 'gzip', 'deflate'] as const) {
    const packed = await ask('/me', encoding)
    t.match(packed.headers, {
      'content-encoding': encoding,
      'content-length': String(packed.bytes.length),
      'content-type': 'application/json; charset=utf-8',
      vary: 'accept-encoding',
    })
    t.ok(packed.bytes.length < plain.bytes.length / 2, encoding)
    t.same(await UNPACK[encoding](packed.bytes), plain.bytes, encoding)
  }
  t.match(await ask('/me', 'gzip', 'HEAD'), { statusCode: 200, headers: { 'content-encoding': 'gzip' } })
  t.equal((await ask('/me/badge', 'gzip')).headers['content-encoding'], undefined, 'a small one')
  const failed = await ask('/rooms/nowhere', 'gzip')
  t.match(failed, { statusCode: 404, headers: { 'content-encoding': undefined } })

  const form = new FormData()
  form.set('file', new File(['text '.repeat(1_000)], 'a.txt', { type: 'text/plain' }))
  const upload = await fetch(`${server.url}/files/chat`, { method: 'POST', headers: ann.headers, body: form })
  const { result } = (await upload.json()) as { result: { _id: string } }
  const file = await ask(`/files/chat/${result._id}`, 'gzip')
  t.match(file, { statusCode: 200, headers: { 'content-encoding': undefined, 'content-length': '5000' } })
})

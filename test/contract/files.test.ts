import { hash } from 'node:crypto'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { request } from 'undici'
import { sweepFiles } from '../../core/chat/file-sweep.ts'
import { type ApiAnswer, type ApiClient, asObject, type Json } from '../support/api-client.ts'
import { type FormPart, formOf } from '../support/multipart.ts'
import { type ContractServer, groupOf, onEachDatabase } from './server.ts'

const PNG = Buffer.from('89504e470d0a1a0a0000000d49484452', 'hex')

const post = (client: ApiClient, path: string, parts: FormPart[]): Promise<ApiAnswer> => {
  const { body, contentType } = formOf(parts)
  return client.call('POST', path, undefined, { rawBody: body, headers: { 'Content-Type': contentType } })
}

const fileOf = (content: string | Buffer, options: { filename?: string; type?: string } = {}): FormPart => ({
  name: 'file',
  content,
  filename: options.filename ?? 'a.txt',
  type: options.type ?? 'text/plain',
})

async function upload(
  client: ApiClient,
  content: string | Buffer,
  extra?: Json,
  options = {},
): Promise<Json> {
  const parts = [fileOf(content, options)]
  if (extra !== undefined) parts.unshift({ name: 'extra', content: JSON.stringify(extra) })
  const answer = await post(client, '/files/chatserver-upload', parts)
  if (answer.status !== 200) throw new Error(answer.text)
  return answer.result
}

async function get(url: string, headers: Record<string, string> = {}, method: 'GET' | 'HEAD' = 'GET') {
  const answer = await request(url, { method, headers })
  return {
    status: answer.statusCode,
    headers: answer.headers,
    bytes: Buffer.from(await answer.body.arrayBuffer()),
  }
}

const stored = async (server: ContractServer): Promise<string[]> =>
  (await readdir(server.filesDirectory, { recursive: true, withFileTypes: true }))
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))

onEachDatabase(t, async (t, server) => {
  t.test('a file comes back as it went, with its record', async (t) => {
    const app = await server.newApp()
    const ann = app.user('ann')
    const room = await groupOf(app, 'ann')
    for (const isFirst of [true, false]) {
      const extra = { name: 'extra', content: JSON.stringify({ roomID: room, tags: ['x'] }) }
      const file = fileOf(PNG, { filename: encodeURIComponent('圖 片.png'), type: 'image/png' })
      const answer = await post(ann, '/files/chatserver-upload', isFirst ? [file, extra] : [extra, file])
      t.match(answer, { status: 200, RC: 0 })
      t.match(answer.result, {
        length: PNG.length,
        md5: hash('md5', PNG),
        filename: '圖 片.png',
        mimetype: 'image/png',
        client: 'ann',
        bucketName: 'chatserver-upload',
        extra: { roomID: room, tags: ['x'] },
        appID: app.app,
      })
      const { _id, id, uploadDate, uploadDateMS, chunkSize } = answer.result
      t.match(_id, /^[0-9a-f]{32}$/)
      t.equal(id, _id)
      t.equal(Date.parse(String(uploadDate)), uploadDateMS)
      t.type(chunkSize, 'number')
      t.notOk('data' in answer.result)
      const got = await get(`${server.url}/files/chatserver-upload/${_id}`, ann.headers)
      t.equal(got.status, 200)
      t.same(got.bytes, PNG)
      t.match(got.headers, {
        'content-type': 'image/png',
        'content-length': String(PNG.length),
        'x-content-type-options': 'nosniff',
        etag: `"${hash('md5', PNG)}"`,
        'accept-ranges': 'bytes',
        'content-disposition': /^inline; /,
      })
      const metadata = await ann.ok('GET', `/files/chatserver-upload/${_id}/metadata`)
      t.match(metadata, {
        _id,
        length: PNG.length,
        ContentLength: PNG.length,
        ContentType: 'image/png',
        AcceptRanges: 'bytes',
        ETag: `"${hash('md5', PNG)}"`,
        extra: { roomID: room },
      })
    }
  })

  t.test('a HEAD request is told the record in the fields of its answer', async (t) => {
    const app = await server.newApp()
    const ann = app.user('ann')
    const { _id } = await upload(ann, 'text', { n: 'ü' }, { filename: 'ü.txt' })
    const { status, headers, bytes } = await get(
      `${server.url}/files/chatserver-upload/${_id}`,
      ann.headers,
      'HEAD',
    )
    t.equal(status, 200)
    t.equal(bytes.length, 0)
    t.match(headers, {
      'content-length': '4',
      'content-type': 'text/plain; charset=utf-8',
      'x-imkit-objectid': _id,
      'x-imkit-id': _id,
      'x-imkit-md5': hash('md5', 'text'),
      'x-imkit-filename': '%C3%BC.txt',
      'x-imkit-extra': '{"n":"\\u00fc"}',
      'x-imkit-appid': app.app,
      'x-imkit-client': 'ann',
      'x-imkit-bucketname': 'chatserver-upload',
      'x-imkit-chunksize': /^\d+$/,
      'x-imkit-uploaddate': /^\d{4}-\d\d-\d\dT/,
      'x-imkit-uploaddatems': /^\d+$/,
    })
  })

  t.test('ranges and conditions are answered as browsers and players ask', async (t) => {
    const app = await server.newApp()
    const ann = app.user('ann')
    const { _id } = await upload(ann, '0123456789')
    const url = `${server.url}/files/chatserver-upload/${_id}`
    const ask = (headers: Record<string, string>) => get(url, { ...ann.headers, ...headers })
    const parts: [string, string, string][] = [
      ['bytes=0-3', '0123', 'bytes 0-3/10'],
      ['bytes=7-', '789', 'bytes 7-9/10'],
      ['bytes=-2', '89', 'bytes 8-9/10'],
      ['bytes=5-100', '56789', 'bytes 5-9/10'],
    ]
    for (const [range, text, contentRange] of parts) {
      const got = await ask({ range })
      t.equal(got.status, 206)
      t.equal(got.bytes.toString(), text)
      t.match(got.headers, { 'content-range': contentRange, 'content-length': String(text.length) })
    }
    for (const range of ['bytes=0-1,3-4', 'lines=0-1', 'bytes=4-2', 'bytes=x'])
      t.match(await ask({ range }), { status: 200, bytes: Buffer.from('0123456789') }, range)
    t.match(await ask({ range: 'bytes=10-' }), { status: 416, headers: { 'content-range': 'bytes */10' } })
    const { etag } = (await ask({})).headers
    t.match(await ask({ 'if-none-match': String(etag) }), { status: 304 })
    t.match(await ask({ 'if-none-match': '"other"' }), { status: 200 })
    t.match(await ask({ range: 'bytes=0-0', 'if-range': String(etag) }), { status: 206 })
    t.match(await ask({ range: 'bytes=0-0', 'if-range': '"other"' }), { status: 200 })
    const empty = await upload(ann, '')
    const got = await get(`${server.url}/files/chatserver-upload/${empty._id}`, ann.headers)
    t.match(got, { status: 200, headers: { 'content-length': '0' } })
  })

  t.test('a signed address is good without headers, for that file and for an hour', async (t) => {
    const app = await server.newApp()
    const ann = app.user('ann')
    const room = await groupOf(app, 'ann')
    const { _id } = await upload(ann, 'secret', { roomId: room })
    for (const asked of ['1', 'true']) {
      const answer = await ann.call('GET', `/files/chatserver-upload/${_id}?signedUrlOnly=${asked}`)
      t.match(answer, { status: 200, RC: 0 })
      const url = new URL(String(answer.result.url))
      t.equal(url.pathname, `/files/chatserver-upload/${_id}`)
      const expires = Number(url.searchParams.get('Expires'))
      t.ok(expires * 1_000 > server.chat.clock() + 3_500_000)
      const nobody = server.as({ kind: 'anonymous', app: undefined })
      const got = await get(`${server.url}${url.pathname}${url.search}`, nobody.headers)
      t.equal(got.bytes.toString(), 'secret')
      t.equal((await get(`${server.url}${url.pathname}${url.search}`, nobody.headers, 'HEAD')).status, 200)
      const eve = app.user('eve')
      t.equal((await get(`${server.url}${url.pathname}${url.search}`, eve.headers)).status, 200)
    }
    t.match(await app.user('eve').call('GET', `/files/chatserver-upload/${_id}?signedUrlOnly=1`), {
      status: 403,
    })
    const viaGateway = await ann.call('GET', `/files/chatserver-upload/${_id}?signedUrlOnly=1`, undefined, {
      headers: { 'x-forwarded-proto': 'https', 'x-forwarded-host': 'chat.example' },
    })
    t.match(viaGateway.result.url, /^https:\/\/chat\.example\/files\/chatserver-upload\//)
  })

  t.test('what was stored for a room is its members’, for no room everyone’s of the app', async (t) => {
    const app = await server.newApp()
    const room = await groupOf(app, 'ann', 'bob')
    const restricted = await upload(app.user('ann'), 'x', { roomID: room })
    const open = await upload(app.user('ann'), 'x')
    const path = (file: Json) => `/files/chatserver-upload/${file._id}`
    const status = async (client: ApiClient, file: Json) => (await client.call('GET', path(file))).status
    t.same([await status(app.user('bob'), restricted), await status(app.user('eve'), restricted)], [200, 403])
    t.equal(await status(app.platform(), restricted), 200)
    t.equal(await status(app.user('eve'), open), 200)
    const other = await server.newApp()
    t.equal(await status(other.user('ann'), open), 404)
    t.equal(await status(other.platform(), restricted), 404)
    t.equal((await app.user('bob').call('GET', `/files/avatars/${open._id}`)).status, 404)
    t.match(await app.user('eve').call('GET', `${path(restricted)}/metadata`), { status: 403 })
    t.match(
      await post(app.user('eve'), '/files/chatserver-upload', [
        { name: 'extra', content: JSON.stringify({ roomID: room }) },
        fileOf('x'),
      ]),
      { status: 403, code: 'NOT_ROOM_MEMBER' },
    )
    await app.platform().ok('DELETE', `/rooms/${room}`)
    t.equal(await status(app.user('eve'), restricted), 403, 'not even when the room is gone')
    t.equal(await status(app.user('bob'), restricted), 403)
    t.equal(await status(app.user('ann'), restricted), 200)
  })

  t.test('who may read a file lends it to a room by sending it there; who may not, cannot', async (t) => {
    const app = await server.newApp()
    const [first, second] = [await groupOf(app, 'ann', 'bob'), await groupOf(app, 'bob', 'cem', 'eve')]
    const { _id } = await upload(app.user('ann'), 'x', { roomID: first })
    const path = `/files/chatserver-upload/${_id}`
    const image = { messageType: 'image', images: [{ originalUrl: `https://chat.example${path}` }] }
    await app.user('eve').ok('POST', `/rooms/${second}/message`, image)
    t.equal((await app.user('cem').call('GET', path)).status, 403)
    await app.user('bob').ok('POST', `/rooms/${second}/message`, image)
    t.equal((await app.user('cem').call('GET', path)).status, 200)
  })

  t.test('what could run in a browser is saved, never shown', async (t) => {
    const app = await server.newApp()
    const ann = app.user('ann')
    const types = [
      'text/html',
      'image/svg+xml',
      'application/xhtml+xml',
      'text/xml',
      'text/javascript',
      'application/pdf',
      'x',
    ]
    for (const type of types) {
      const { _id } = await upload(ann, '<script>alert(1)</script>', undefined, {
        type,
        filename: 'x"\r\ny.html',
      })
      const { headers } = await get(`${server.url}/files/chatserver-upload/${_id}`, ann.headers)
      t.match(headers['content-disposition'], /^attachment; /, type)
      t.match(headers, { 'x-content-type-options': 'nosniff', 'content-security-policy': /sandbox/ })
    }
    const plain = await upload(ann, PNG, undefined, { type: 'application/octet-stream', filename: 'p' })
    t.equal(plain.mimetype, 'image/png', 'bytes of which nothing was said are looked at')
  })

  t.test('what is no upload is refused, and leaves nothing behind', async (t) => {
    const app = await server.newApp()
    const ann = app.user('ann')
    const before = (await stored(server)).length
    const form = formOf([fileOf('x')])
    const refused: [string, ApiAnswer, number, string][] = [
      ['no file', await post(ann, '/files/b', [{ name: 'extra', content: '{}' }]), 400, 'MISSING_PARAMETER'],
      [
        'bad extra',
        await post(ann, '/files/b', [fileOf('x'), { name: 'extra', content: '{' }]),
        400,
        'INVALID_REQUEST',
      ],
      [
        'bad room',
        await post(ann, '/files/b', [fileOf('x'), { name: 'extra', content: '{"roomID":7}' }]),
        400,
        'INVALID_REQUEST',
      ],
      [
        'no such room',
        await post(ann, '/files/b', [fileOf('x'), { name: 'extra', content: '{"roomID":"7"}' }]),
        403,
        'NOT_ROOM_MEMBER',
      ],
      ['two files', await post(ann, '/files/b', [fileOf('x'), fileOf('y')]), 413, 'PAYLOAD_TOO_LARGE'],
      ['JSON', await ann.call('POST', '/files/b', { file: 'x' }), 415, 'UNSUPPORTED_MEDIA_TYPE'],
      [
        'cut short',
        await ann.call('POST', '/files/b', undefined, {
          rawBody: form.body.subarray(0, form.body.length - 20),
          headers: { 'Content-Type': form.contentType },
        }),
        400,
        'INVALID_BODY',
      ],
      [
        'multipart elsewhere',
        await post(ann, '/me', [{ name: 'nickname', content: 'x' }]),
        415,
        'UNSUPPORTED_MEDIA_TYPE',
      ],
      ['a reserved bucket', await post(ann, '/files/stickers', [fileOf('x')]), 400, 'INVALID_REQUEST'],
    ]
    for (const [what, answer, status, code] of refused) t.match(answer, { status, code }, what)
    t.equal((await stored(server)).length, before)
    t.match(await ann.call('GET', '/files/b/unknown'), { status: 404, code: 'FILE_NOT_FOUND' })
    t.match(await ann.call('GET', '/files/b/a/key/with/slashes.png'), { status: 404, code: 'FILE_NOT_FOUND' })
  })

  t.test('what a dead process left is swept away', async (t) => {
    const { db } = server.chat
    const app = await server.newApp()
    const before = (await stored(server)).length
    const { _id } = await upload(app.user('ann'), 'kept')
    const lost = await upload(app.user('ann'), 'lost')
    await db.query('', 'UPDATE files SET stored_at = NULL WHERE id = $1', [lost._id])
    t.equal(await sweepFiles(server.files), 0, 'it could still be on its way')
    server.advance(3_700_000)
    t.equal(await sweepFiles(server.files), 1)
    t.equal((await stored(server)).length, before + 1)
    t.equal((await app.user('ann').call('GET', `/files/chatserver-upload/${_id}`)).status, 200)
  })

  t.test('stored bytes are counted by tag', async (t) => {
    const app = await server.newApp()
    const ann = app.user('ann')
    await upload(ann, '12345', { tags: ['a', 'b'] })
    await upload(ann, '123', { tags: ['b'] })
    await upload(ann, '1')
    await upload(app.user('bob'), '1234567', { tags: ['a'] })
    t.match(await ann.ok('POST', '/files/stats', {}), {
      data: { a: { size: 5, count: 1 }, b: { size: 8, count: 2 } },
      totalCount: 3,
      totalSize: 9,
      inspect: {},
    })
    const asked = await ann.ok('POST', '/files/stats', { tags: ['b'] })
    t.match(asked, { data: { b: { size: 8, count: 2 } }, totalCount: 2, totalSize: 8 })
    t.notOk('a' in asObject(asked.data))
    t.match(await app.platform().ok('POST', '/files/stats', {}), { totalCount: 4, totalSize: 16 })
    t.match(await ann.ok('POST', '/files/stats', { rangeEnd: server.chat.clock() - 60_000 }), {
      totalCount: 0,
      totalSize: 0,
    })
  })

  t.test('of a video is told what its container says', async (t) => {
    const app = await server.newApp()
    const ann = app.user('ann')
    const room = await groupOf(app, 'ann')
    const video = fileOf(mp4({ width: 640, height: 360, durationS: 12 }), {
      filename: 'v.mp4',
      type: 'video/mp4',
    })
    const autoUpload = {
      name: 'autoUpload',
      content: JSON.stringify({ bucket: 'chat', extra: { roomID: room } }),
    }
    const kept = await post(ann, '/files/video-info', [video, autoUpload])
    t.match(kept.result, { width: 640, height: 360, duration: 12, originalId: /^[0-9a-f]{32}$/ })
    t.match(kept.result.originalUrl, new RegExp(`/files/chat/${kept.result.originalId}$`))
    t.equal((await ann.call('GET', `/files/chat/${kept.result.originalId}`)).status, 200)
    const before = (await stored(server)).length
    t.same((await post(ann, '/files/video-info', [video])).result, { width: 640, height: 360, duration: 12 })
    t.same((await post(ann, '/files/video-info', [fileOf('no video')])).result, {})
    t.equal((await stored(server)).length, before, 'what nobody asked to keep is not kept')
  })
})

function mp4(facts: { width: number; height: number; durationS: number }): Buffer {
  const box = (type: string, ...bodies: Buffer[]) => {
    const head = Buffer.alloc(8)
    head.writeUInt32BE(8 + bodies.reduce((sum, body) => sum + body.length, 0))
    head.write(type, 4, 'latin1')
    return Buffer.concat([head, ...bodies])
  }
  const mvhd = Buffer.alloc(100)
  mvhd.writeUInt32BE(1_000, 12)
  mvhd.writeUInt32BE(facts.durationS * 1_000, 16)
  const tkhd = Buffer.alloc(84)
  tkhd.writeUInt32BE(0x10000, 40)
  tkhd.writeUInt32BE(facts.width * 65_536, 76)
  tkhd.writeUInt32BE(facts.height * 65_536, 80)
  return Buffer.concat([
    box('ftyp', Buffer.from('isom\0\0\0\0isom')),
    box('mdat', Buffer.alloc(1_000)),
    box(
      'moov',
      box('mvhd', mvhd),
      box('trak', box('tkhd', Buffer.alloc(84))),
      box('trak', box('tkhd', tkhd)),
    ),
  ])
}

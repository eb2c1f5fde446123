import { crc32, deflateRawSync } from 'node:zlib'
import t from 'tap'
import { request } from 'undici'
import { type ApiAnswer, type ApiClient, asList } from '../support/api-client.ts'
import { formOf } from '../support/multipart.ts'
import { onEachDatabase } from './server.ts'

const PNG = Buffer.from('89504e470d0a1a0a0000000d49484452', 'hex')

type ZipEntry = { name: string; content: Buffer; claimedLength?: number }

/** A zip archive (APPNOTE 4.3), deflated; it may lie about its sizes. */
function zipOf(entries: ZipEntry[]): Buffer {
  const locals: Buffer[] = []
  const central: Buffer[] = []
  let offset = 0
  for (const { name, content, claimedLength } of entries) {
    const packed = deflateRawSync(content)
    const fields = Buffer.alloc(26)
    fields.writeUInt16LE(20, 0)
    fields.writeUInt16LE(8, 4)
    fields.writeUInt32LE(crc32(content), 10)
    fields.writeUInt32LE(packed.length, 14)
    fields.writeUInt32LE(claimedLength ?? content.length, 18)
    fields.writeUInt16LE(Buffer.byteLength(name), 22)
    const local = Buffer.concat([Buffer.from('PK\x03\x04'), fields, Buffer.from(name), packed])
    const tail = Buffer.alloc(14)
    tail.writeUInt32LE(offset, 10)
    central.push(Buffer.concat([Buffer.from('PK\x01\x02\x14\0'), fields, tail, Buffer.from(name)]))
    locals.push(local)
    offset += local.length
  }
  const directory = Buffer.concat(central)
  const end = Buffer.alloc(18)
  end.writeUInt16LE(entries.length, 4)
  end.writeUInt16LE(entries.length, 6)
  end.writeUInt32LE(directory.length, 8)
  end.writeUInt32LE(offset, 12)
  return Buffer.concat([...locals, directory, Buffer.from('PK\x05\x06'), end])
}

const GOOD = ['02.png', 'tab.png', '01.png'].map((name) => ({ name, content: PNG }))

function save(client: ApiClient, fields: Record<string, string>, zip: Buffer): Promise<ApiAnswer> {
  const { body, contentType } = formOf([
    ...Object.entries(fields).map(([name, content]) => ({ name, content })),
    { name: 'file', content: zip, filename: 's.zip', type: 'application/zip' },
  ])
  const headers = { 'Content-Type': contentType }
  return client.call('POST', '/admin/stickers', undefined, { rawBody: body, headers })
}

onEachDatabase(t, async (t, server) => {
  const nobody = server.as({ kind: 'anonymous', app: undefined })

  t.test('a set of stickers is stored, listed for everyone, shown and taken away', async (t) => {
    const app = await server.newApp()
    const platform = app.platform()
    const zip = zipOf([...GOOD, { name: '__MACOSX/._01.png', content: Buffer.from('x') }])
    const { result } = await save(platform, { _id: 'Family', name: 'The family', order: '2' }, zip)
    t.match(result, {
      _id: 'Family',
      id: 'Family',
      name: 'The family',
      order: 2,
      zip: { resourceId: 'Family/Family.zip', length: zip.length },
      images: [
        { resourceId: 'Family/tab.png', length: PNG.length },
        { resourceId: 'Family/01.png' },
        { resourceId: 'Family/02.png' },
      ],
    })
    t.equal(Date.parse(String(result.createdAt)), result.createdAtMS)
    await save(platform, { _id: 'Animals', name: 'Animals', order: '1' }, zipOf(GOOD))
    t.same(
      asList(await platform.ok('GET', '/admin/stickers')).map((set) => set._id),
      ['Animals', 'Family'],
    )
    const listed = await nobody.ok('GET', `/stickers?app=${app.app}`)
    t.match(listed, {
      totalCount: 2,
      data: [
        { _id: 'Animals' },
        { _id: 'Family', name: 'The family', zip: { resourceId: 'Family/Family.zip' } },
      ],
    })
    t.type(asList(listed)[0]?.updatedAtMS, 'number')
    t.notOk('images' in asList(listed)[0]!)
    for (const [resource, content] of [
      ['Family/01.png', PNG],
      ['Family/Family.zip', zip],
    ] as const) {
      const redirect = await nobody.call('GET', `/stickers/res?app=${app.app}&resourceId=${resource}`)
      t.equal(redirect.status, 302)
      const { location } = redirect.headers
      t.match(location, /^\/files\/stickers\/[0-9a-f]{32}\?Expires=\d+&Signature=/)
      const got = await request(`${server.url}${location}`, { headers: nobody.headers })
      t.equal(got.statusCode, 200)
      t.same(Buffer.from(await got.body.arrayBuffer()), content)
    }
    for (const missing of ['Family/03.png', 'Family/../x', 'Nobody/01.png', 'Family'])
      t.match(
        await nobody.call('GET', `/stickers/res?app=${app.app}&resourceId=${encodeURIComponent(missing)}`),
        { status: 404, code: 'STICKER_NOT_FOUND' },
        missing,
      )
    t.same(await platform.ok('DELETE', '/admin/stickers/Family'), { n: 1, ok: 1 })
    t.same(await platform.ok('DELETE', '/admin/stickers/Family'), { n: 0, ok: 1 })
    t.equal((await platform.ok('GET', '/admin/stickers')).totalCount, 1)
  })

  t.test('stored again, a set is replaced', async (t) => {
    const app = await server.newApp()
    await save(app.platform(), { _id: 'Cats', name: 'Cats' }, zipOf(GOOD))
    server.advance(10)
    const again = await save(app.platform(), { _id: 'Cats', name: 'Felines' }, zipOf(GOOD.slice(1)))
    t.match(again.result, { name: 'Felines', images: { length: 2 } })
    t.ok(Number(again.result.updatedAtMS) > Number(again.result.createdAtMS))
    const [rows] = await Promise.all([
      server.chat.db.query('', 'SELECT id FROM files WHERE app = $1', [app.app]),
    ])
    t.equal(rows.length, 3, 'what it was made of before is gone')
  })

  t.test('who shows no key is answered where one app alone can be meant', async (t) => {
    await server.newApp()
    await server.newApp()
    t.match(await nobody.call('GET', '/stickers'), { status: 400, code: 'MISSING_PARAMETER' })
  })

  t.test('archives that are no set of stickers are refused, bombs before they have gone off', async (t) => {
    const app = await server.newApp()
    const bomb = Buffer.concat([PNG, Buffer.alloc(5_000_000)])
    const refused: [string, Buffer][] = [
      ['no archive', Buffer.from('PK nothing')],
      ['empty', zipOf([])],
      ['no tab', zipOf(GOOD.filter(({ name }) => name !== 'tab.png'))],
      ['a path', zipOf([...GOOD, { name: '../03.png', content: PNG }])],
      ['a folder', zipOf([...GOOD, { name: 'a/03.png', content: PNG }])],
      ['other files', zipOf([...GOOD, { name: 'index.html', content: Buffer.from('<script>') }])],
      ['one name twice', zipOf([...GOOD, { name: '01.png', content: PNG }])],
      ['no image', zipOf([...GOOD, { name: '03.png', content: Buffer.from('<svg/>') }])],
      ['a bomb', zipOf([...GOOD, { name: '03.png', content: bomb }])],
      ['a bomb that lies', zipOf([...GOOD, { name: '03.png', content: bomb, claimedLength: 100 }])],
      ['too many', zipOf(Array.from({ length: 201 }, (_, i) => ({ name: `${i}.png`, content: PNG })))],
    ]
    for (const [what, zip] of refused)
      t.match(
        await save(app.platform(), { _id: 'Bad', name: 'x' }, zip),
        { status: 400, code: 'INVALID_REQUEST' },
        what,
      )
    t.match(await save(app.platform(), { name: 'x' }, zipOf(GOOD)), {
      status: 400,
      code: 'MISSING_PARAMETER',
    })
    t.match(await save(app.platform(), { _id: '../x' }, zipOf(GOOD)), {
      status: 400,
      code: 'INVALID_REQUEST',
    })
    t.match(await save(app.platform(), { _id: 'x', order: 'first' }, zipOf(GOOD)), { status: 400 })
    t.match(await save(app.user('ann'), { _id: 'x' }, zipOf(GOOD)), {
      status: 403,
      code: 'PERMISSION_DENIED',
    })
    t.equal((await app.platform().ok('GET', '/admin/stickers')).totalCount, 0)
    t.same(await server.chat.db.query('', 'SELECT id FROM files WHERE app = $1', [app.app]), [])
  })
})

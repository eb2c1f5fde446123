/**
 * File names and buckets are written by clients. Where they become paths, headers or keys, `../`, absolute paths,
 * separators of other systems, control characters and names that a file system or JavaScript gives a meaning to reach
 * what they should not. What lies on the disk must bear names of ours alone, and no answer may hold a line break that
 * a client wrote.
 */
import { readdir } from 'node:fs/promises'
import { join, relative } from 'node:path'
import t from 'tap'
import { request } from 'undici'
import { startContractServer } from '../contract/server.ts'
import { formOf } from '../support/multipart.ts'

const server = await startContractServer(t, 'pglite')
const app = await server.newApp()
const ann = app.user('ann')

const put = (bucket: string, filename: string, extra = '{}') => {
  const { body, contentType } = formOf([
    { name: 'extra', content: extra },
    { name: 'file', content: 'x', filename, type: 'text/plain' },
  ])
  const headers = { 'Content-Type': contentType }
  return ann.call('POST', `/files/${bucket}`, undefined, { rawBody: body, headers })
}

const NAMES = [
  '../../../etc/passwd',
  '..\\..\\windows\\system.ini',
  '/etc/passwd',
  'C:\\autoexec.bat',
  '%2e%2e%2fpasswd',
  'a%00.png',
  'a%0d%0aSet-Cookie: x=1',
  '__proto__',
  'con',
  '.',
  '..',
  '%',
  'a'.repeat(5_000),
  '%E2%80%AEgpj.exe',
  '"; filename="evil.html',
]

t.test('a name of a file is only what it is called', async (t) => {
  for (const name of NAMES) {
    const { status, result } = await put('b', name)
    t.equal(status, 200, name.slice(0, 40))
    t.notMatch(String(result.filename), /[/\\\p{Cc}\p{Cf}]/u)
    t.ok(String(result.filename).length <= 255)
    const got = await request(`${server.url}/files/b/${result._id}`, { headers: ann.headers })
    t.equal(await got.body.text(), 'x')
    t.equal(got.headers['set-cookie'], undefined)
    t.match(
      got.headers['content-disposition'],
      /^inline; filename="[^"\\]*"; filename\*=UTF-8''[\w.~!*()%-]*$/,
    )
  }
  const entries = await readdir(server.filesDirectory, { recursive: true, withFileTypes: true })
  const paths = entries
    .filter((entry) => entry.isFile())
    .map((entry) => relative(server.filesDirectory, join(entry.parentPath, entry.name)))
  t.equal(paths.length, NAMES.length)
  for (const path of paths) t.match(path, /^stored\/([0-9a-f]{2})\/\1[0-9a-f]{30}$/)
})

t.test('a bucket is a word', async (t) => {
  const buckets = [
    '..',
    '.',
    '.hidden',
    'a%2Fb',
    '%2e%2e',
    'a%00',
    '-rf',
    'a b',
    'ü',
    'a'.repeat(64),
    'stickers',
  ]
  for (const bucket of buckets) {
    const { status } = await put(encodeURI(decodeURIComponent(bucket)).replaceAll('/', '%2F'), 'x')
    t.ok(status === 400 || status === 404 || status === 415, `${bucket}: ${status}`)
  }
})

t.test('an id asks for a file by its id and by nothing else', async (t) => {
  const { result } = await put('b', 'x')
  const id = String(result._id)
  for (const asked of [
    `..%2F${id}`,
    `${id}%2F..%2F${id}`,
    `stored%2F${id.slice(0, 2)}%2F${id}`,
    `${id}%00`,
    id.toUpperCase(),
    `${id}/x`,
    `%2Fetc%2Fpasswd`,
  ]) {
    const { status } = await ann.call('GET', `/files/b/${asked}`)
    t.ok(
      status === 404 || status === 400 || (asked === id.toUpperCase() && id === asked),
      `${asked}: ${status}`,
    )
  }
})

t.test('what an extra says of rooms and prototypes is text', async (t) => {
  const extra = '{"__proto__":{"roomID":"x"},"constructor":{"roomId":"y"},"tags":[{"a":1},"__proto__"]}'
  const { status, text } = await put('b', 'x', extra)
  t.equal(status, 200, text)
  const { text: whole } = await ann.call('POST', '/files/stats', {})
  t.match(whole, /"__proto__":\{"size":1,"count":1\}/)
})

/**
 * A signed address is a credential in a URL: whoever has one tries to make another of it. It is changed in every part,
 * used for another file, another bucket, another app, after its time, with its parameters doubled, or rewritten in
 * another spelling of the same bytes. None of these may open anything, and the answer may not tell a file that is
 * there from one that is not.
 */
import t from 'tap'
import { request } from 'undici'
import { groupOf, startContractServer, type TestApp } from '../contract/server.ts'
import { formOf } from '../support/multipart.ts'

const server = await startContractServer(t, 'pglite')
async function secretOf(app: TestApp): Promise<string> {
  const room = await groupOf(app, 'ann')
  const { body, contentType } = formOf([
    { name: 'extra', content: JSON.stringify({ roomID: room }) },
    { name: 'file', content: 'secret', filename: 's.txt', type: 'text/plain' },
  ])
  const headers = { 'Content-Type': contentType }
  const { result } = await app.user('ann').call('POST', '/files/b', undefined, { rawBody: body, headers })
  return String(result._id)
}

async function signed(app: TestApp, id: string): Promise<URL> {
  const { result } = await app.user('ann').call('GET', `/files/b/${id}?signedUrlOnly=1`)
  return new URL(String(result.url))
}

async function open(address: string) {
  const nobody = server.as({ kind: 'anonymous', app: undefined })
  const answer = await request(`${server.url}${address}`, { headers: nobody.headers })
  return { status: answer.statusCode, text: await answer.body.text() }
}

t.test('a changed, borrowed, doubled or respelled signature opens nothing', async (t) => {
  const app = await server.newApp()
  const other = await server.newApp()
  const [mine, another, foreign] = [await secretOf(app), await secretOf(app), await secretOf(other)]
  const url = await signed(app, mine)
  const expires = url.searchParams.get('Expires')!
  const signature = url.searchParams.get('Signature')!
  const flipped = `${signature[0] === 'A' ? 'B' : 'A'}${signature.slice(1)}`
  // Of the last character of 43, two bits mean nothing.
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
  const respelled = signature.slice(0, -1) + alphabet[alphabet.indexOf(signature.at(-1)!) ^ 1]
  t.equal((await open(`/files/b/${mine}?Expires=${expires}&Signature=${signature}`)).text, 'secret')
  const attempts = {
    'a flipped bit': `/files/b/${mine}?Expires=${expires}&Signature=${flipped}`,
    'another spelling of the same bytes': `/files/b/${mine}?Expires=${expires}&Signature=${respelled}`,
    padding: `/files/b/${mine}?Expires=${expires}&Signature=${signature}=`,
    'a cut signature': `/files/b/${mine}?Expires=${expires}&Signature=${signature.slice(0, 10)}`,
    'no signature': `/files/b/${mine}?Expires=${expires}&Signature=`,
    'a later end': `/files/b/${mine}?Expires=${Number(expires) + 1}&Signature=${signature}`,
    'a spelled end': `/files/b/${mine}?Expires=${expires}.0&Signature=${signature}`,
    'a padded end': `/files/b/${mine}?Expires=0${expires}&Signature=${signature}`,
    'another file': `/files/b/${another}?Expires=${expires}&Signature=${signature}`,
    'another app’s file': `/files/b/${foreign}?Expires=${expires}&Signature=${signature}`,
    'another bucket': `/files/c/${mine}?Expires=${expires}&Signature=${signature}`,
    'two ends': `/files/b/${mine}?Expires=${expires}&Expires=${expires}&Signature=${signature}`,
    'two signatures': `/files/b/${mine}?Expires=${expires}&Signature=${signature}&Signature=${signature}`,
    'a list': `/files/b/${mine}?Expires[]=${expires}&Signature[]=${signature}`,
    'no such file': `/files/b/${'0'.repeat(32)}?Expires=${expires}&Signature=${signature}`,
  }
  const texts = new Set<string>()
  for (const [what, address] of Object.entries(attempts)) {
    const { status, text } = await open(address)
    t.equal(status, 403, what)
    texts.add(text)
  }
  t.equal(texts.size, 1, 'and nothing is told of why')
  t.equal(
    (await open(`/files/b/${mine}?Signature=${signature}`)).status,
    401,
    'half of it is nobody’s request',
  )
  t.equal((await open(`/files/b/${mine}/metadata?Expires=${expires}&Signature=${signature}`)).status, 401)
  server.advance(3_700_000)
  t.equal(
    (await open(`/files/b/${mine}?Expires=${expires}&Signature=${signature}`)).status,
    403,
    'its time is over',
  )
})

t.test('a signature that is wrong is not made good by an identity beside it', async (t) => {
  const app = await server.newApp()
  const id = await secretOf(app)
  const address = `/files/b/${id}?Expires=9999999999&Signature=x`
  t.match(await app.user('ann').call('GET', address), { status: 403, code: 'PERMISSION_DENIED' })
})

/**
 * A scanner that looks at chunks, or at frames, can be walked around by where the bytes are cut: an authentication
 * that it does not see whole goes to the core with its token. It is sent here cut at every byte, in fragments of every
 * size, with pings between, and batched with other frames; the core receives it exchanged, once, in its place.
 */
import t, { type Test } from 'tap'
import { carriesRawAuth, clientFrame, readTexts } from '../gateway/tunnel/client-frames.ts'
import { openSocket, startStand, until, userOf } from '../gateway/tunnel/stand.ts'
import { startRecordingUpstream } from '../support/recording-upstream.ts'

const AUTH = '429["\\u0061uth2","good-token",{"CLIENT_KEY":"key","Authorization":"good-token"}]'
const before = clientFrame('420["conf",{"encoding":"base64"}]')
const after = clientFrame('42["typing","room","aGk="]')

const cutInto = (text: string, size: number): string[] =>
  Array.from({ length: Math.ceil(text.length / size) }, (_, i) => text.slice(i * size, (i + 1) * size))

function fragmented(size: number, between: Buffer): Buffer {
  const parts = cutInto(AUTH, size)
  const frames = parts.flatMap((part, i) => [
    clientFrame(part, { opcode: i === 0 ? 1 : 0, final: i === parts.length - 1 }),
    between,
  ])
  return Buffer.concat(frames)
}

async function sendAndCheck(t: Test, chunks: readonly Buffer[], name: string): Promise<void> {
  const core = await startRecordingUpstream(t)
  const stand = await startStand(t, { cores: [core.port] })
  const client = await openSocket(stand)
  const { connection } = await core.next()
  for (const chunk of chunks) {
    client.write(chunk)
    await new Promise((resolve) => setImmediate(resolve))
  }
  await until('all arrive', () => readTexts(connection.tunnelled()).length === 3)
  const texts = readTexts(connection.tunnelled())
  t.equal(texts[0], '420["conf",{"encoding":"base64"}]', name)
  t.equal(texts[2], '42["typing","room","aGk="]', name)
  t.match(texts[1], /^429\["auth2",/, name)
  t.equal(userOf(stand, texts[1] ?? ''), 'user-of-good-token', name)
  t.notOk(texts.some(carriesRawAuth), name)
  t.notMatch(connection.tunnelled().toString('latin1'), /good-token/, name)
  client.destroy()
}

t.test('cut into two chunks at every byte', async (t) => {
  const auth = clientFrame(AUTH)
  for (let at = 1; at < auth.length; at += 7)
    await sendAndCheck(
      t,
      [before, auth.subarray(0, at), Buffer.concat([auth.subarray(at), after])],
      `cut ${at}`,
    )
})

t.test('one byte at a time', async (t) => {
  const all = Buffer.concat([before, clientFrame(AUTH), after])
  await sendAndCheck(
    t,
    [...all].map((byte) => Buffer.from([byte])),
    'bytes',
  )
})

t.test('in fragments of every size, with and without pings between', async (t) => {
  for (const size of [1, 2, 3, 7, 40])
    for (const between of [Buffer.alloc(0), clientFrame('ping', { opcode: 9 })])
      await sendAndCheck(t, [Buffer.concat([before, fragmented(size, between), after])], `size ${size}`)
})

t.test('batched with other frames in one chunk', async (t) => {
  await sendAndCheck(t, [Buffer.concat([before, clientFrame(AUTH), after])], 'batch')
})

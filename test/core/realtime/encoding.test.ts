import fc from 'fast-check'
import t from 'tap'
import { decodeTypingText, encode } from '../../../core/realtime/encoding.ts'

t.test('base64 is that of the JSON in UTF-8; plain is the payload itself', async (t) => {
  const payload = { message: 'grüß 😀' }
  t.equal(encode(payload, 'plain'), payload)
  t.equal(encode(payload, 'base64'), Buffer.from('{"message":"grüß 😀"}').toString('base64'))
})

t.test('a bare string is not made JSON', async (t) => {
  t.equal(encode('folders-meta', 'base64'), 'Zm9sZGVycy1tZXRh')
  t.equal(encode('folders-meta', 'plain'), 'folders-meta')
})

t.test('typing text is read in base64 and as it is', async (t) => {
  t.equal(decodeTypingText('aGVsbG8='), 'hello')
  t.equal(decodeTypingText(Buffer.from('grüß dich').toString('base64')), 'grüß dich')
  for (const word of ['', 'hello', 'test', 'text', 'typing', 'hi there', 'YES!', 'AAAA', '你好'])
    t.equal(decodeTypingText(word), word)
})

t.test('typing text that was sent in base64 arrives as it was, whatever it is', async () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme-ascii', minLength: 1 }), (text) => {
      return decodeTypingText(Buffer.from(text).toString('base64')) === text
    }),
  )
})

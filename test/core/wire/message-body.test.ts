import t from 'tap'
import { CoreError } from '../../../core/errors.ts'
import { parseMessageBody } from '../../../core/wire/message-body.ts'

t.test('what the server owns is taken out, everything else is kept as it is', async (t) => {
  const body = {
    message: 'x',
    createdAt: 1,
    reactions: [],
    data: {},
    isPined: true,
    seq: 7,
    extra: '{}',
    roomId: 'r',
    n: null,
  }
  t.same(parseMessageBody(body).fields, { extra: '{}', roomId: 'r', n: null })
})

t.test('empty texts and nulls are what a client has not', async (t) => {
  t.match(parseMessageBody({ _id: '', sender: null, messageType: '', message: null }), {
    messageId: undefined,
    senderId: undefined,
    messageType: undefined,
    message: undefined,
    replyId: undefined,
    mentions: [],
  })
})

t.test('a reply is an id or an object that has one; null takes it away', async (t) => {
  t.equal(parseMessageBody({ reply: 'm1' }).replyId, 'm1')
  t.equal(parseMessageBody({ reply: { _id: 'm1', message: 'x' } }).replyId, 'm1')
  t.equal(parseMessageBody({ reply: null }).replyId, null)
})

t.test('ids that are no texts are refused', async (t) => {
  for (const body of [
    { _id: {} },
    { reply: 7 },
    { reply: { _id: 7 } },
    { sender: [] },
    { clientMessageID: 'x'.repeat(257) },
  ])
    t.throws(() => parseMessageBody(body), CoreError, JSON.stringify(body))
})

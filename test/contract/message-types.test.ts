import t from 'tap'
import { asList, asObject, type Json } from '../support/api-client.ts'
import { groupOf, onEachDatabase } from './server.ts'

const MEDIA = { originalUrl: 'https://x/o', thumbnailUrl: 'https://x/t', width: 640, height: 480 }
const FILE_FACTS = { fileName: 'a.mp3', fileExtension: 'mp3', mimeType: 'audio/mpeg', bytes: 12 }
const PAYMENT = {
  type: 'request',
  payer: { id: 'ann', nickname: 'Ann' },
  payee: { id: 'bob' },
  value: 7,
  method: 'card',
}

/** Everything that a message of each type carries, as each generation of clients sends it. */
const SENT: readonly Json[] = [
  { messageType: 'text', message: 'hi', mentions: ['bob'], ...MEDIA },
  { messageType: 'text', message: 7 },
  { messageType: 'text', message: { rich: ['text'] } },
  { messageType: 'url', message: 'https://x', url: 'https://x', extra: { title: 't', images: ['i'] } },
  { messageType: 'image', ...MEDIA },
  { messageType: 'image', images: [MEDIA, MEDIA] },
  { messageType: 'mixed', message: 'see', images: [MEDIA] },
  { messageType: 'video', ...MEDIA, duration: 12, extra: FILE_FACTS, video: { local: true } },
  { messageType: 'audio', originalUrl: 'https://x/o', duration: 3, message: 'a.mp3', extra: FILE_FACTS },
  { messageType: 'audio', originalUrl: 'https://x/o', duration: 3, extra: JSON.stringify(FILE_FACTS) },
  { messageType: 'file', originalUrl: 'https://x/o', message: 'a', extra: FILE_FACTS },
  { messageType: 'file', url: 'https://x/o', extra: { title: 'a', mimetype: 'text/plain' } },
  { messageType: 'location', latitude: 25.03, longitude: -121.5, message: 'Taipei' },
  { messageType: 'sticker', sticker: 'FunFunFamily-3' },
  { messageType: 'template', template: { type: 'buttons', actions: [{}] }, extra: {} },
  { messageType: 'flex', contents: { type: 'bubble' }, extra: null },
  { messageType: 'line', extra: { type: 'sticker', stickerId: '1' } },
  { messageType: 'payment', extra: PAYMENT },
  { messageType: 'payment-select', extra: { ...PAYMENT, availableMethods: ['card'] } },
  { messageType: 'announcement', message: 'all hands' },
  { messageType: 'encrypted', message: 'YW5u:aXY=:a2V5|Y2lwaGVy' },
  { messageType: 'waitingCall', rtcSession: 's-1' },
  { messageType: 'missingCall', rtcSession: 's-1' },
  { messageType: 'endCall', rtcSession: 's-1', duration: 61_000 },
  { messageType: 'of-the-customer', anything: [{ nested: null }], status: 'open' },
]

onEachDatabase(t, async (t, server) => {
  t.test(
    'what goes in comes out: in the answer, in both lists, as a reply and as the last message',
    async (t) => {
      const app = await server.newApp()
      const ann = app.user('ann')
      const room = await groupOf(app, 'ann', 'bob')
      for (const sent of SENT) {
        const answer = await ann.ok('POST', `/rooms/${room}/message`, sent)
        const told = [
          answer,
          asList(await ann.ok('GET', `/rooms/${room}/messages/v3?limit=1`))[0],
          asList(await ann.ok('GET', `/rooms/${room}/messages?limit=1`))[0],
          asObject((await app.user('bob').ok('GET', `/rooms/${room}`)).lastMessage),
          asObject(
            (await ann.ok('POST', `/rooms/${room}/message`, { message: 're', reply: answer._id })).reply,
          ),
        ]
        for (const message of told) {
          t.same(
            Object.fromEntries(Object.keys(sent).map((name) => [name, message?.[name]])),
            sent,
            JSON.stringify(sent),
          )
          t.match(message, { _id: answer._id, room, reactions: [], reactionCount: 0, sender: { _id: 'ann' } })
        }
      }
    },
  )

  t.test('a recall says nothing but that, whatever it comes with, and when', async (t) => {
    const app = await server.newApp()
    const ann = app.user('ann')
    const room = await groupOf(app, 'ann')
    for (const sent of SENT) {
      const { _id, createdAtMS } = await ann.ok('POST', `/rooms/${room}/message`, sent)
      server.advance(2)
      const recall = { roomId: room, _id, messageType: 'recall', message: 'still here' }
      const recalled = await ann.ok('POST', `/rooms/${room}/message`, recall)
      t.match(recalled, { _id, messageType: 'recall', message: '', createdAtMS })
      t.ok(Number(recalled.updatedAtMS) > Number(createdAtMS))
      for (const name of Object.keys(sent))
        if (name !== 'messageType' && name !== 'message') t.notOk(name in recalled, name)
    }
  })
})

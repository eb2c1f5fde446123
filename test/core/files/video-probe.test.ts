import t from 'tap'
import { probeVideo } from '../../../core/files/video-probe.ts'

const probe = (bytes: Buffer) =>
  probeVideo(async (start, length) => bytes.subarray(start, start + length), bytes.length)
const NOTHING = { width: undefined, height: undefined, durationS: undefined }

const element = (id: string, body: Buffer, sizeBytes = 1): Buffer => {
  const size = Buffer.alloc(sizeBytes)
  size.writeUIntBE(body.length, Math.max(0, sizeBytes - 6), Math.min(6, sizeBytes))
  size[0] = (size[0] ?? 0) | (1 << (8 - sizeBytes))
  return Buffer.concat([Buffer.from(id, 'hex'), size, body])
}

t.test('of WebM its size and duration are read', async (t) => {
  const duration = Buffer.alloc(4)
  duration.writeFloatBE(2_500)
  const bytes = Buffer.concat([
    element('1a45dfa3', Buffer.alloc(20)),
    element(
      '18538067',
      Buffer.concat([
        element('ec', Buffer.alloc(10), 8),
        element(
          '1549a966',
          Buffer.concat([element('2ad7b1', Buffer.from('0f4240', 'hex')), element('4489', duration)]),
        ),
        element(
          '1654ae6b',
          element(
            'ae',
            element(
              'e0',
              Buffer.concat([
                element('b0', Buffer.from('0500', 'hex')),
                element('ba', Buffer.from('02d0', 'hex')),
              ]),
            ),
          ),
        ),
      ]),
      8,
    ),
  ])
  t.same(await probe(bytes), { width: 1280, height: 720, durationS: 2.5 })
})

t.test('what is no video, or lies about itself, says nothing and ends', async (t) => {
  const box = (size: number, type: string) => {
    const head = Buffer.alloc(16)
    head.writeUInt32BE(size)
    head.write(type, 4, 'latin1')
    return head
  }
  for (const [what, bytes] of [
    ['nothing', Buffer.alloc(0)],
    ['a text', Buffer.from('hello there, no video')],
    ['a box of no size', Buffer.concat([box(16, 'ftyp'), box(2, 'free'), box(2, 'free')])],
    ['a box beyond the end', Buffer.concat([box(16, 'ftyp'), box(0xffffffff, 'moov')])],
    ['a moov that is none', Buffer.concat([box(16, 'ftyp'), box(16, 'moov')])],
    [
      'an mvhd that is cut',
      Buffer.concat([box(16, 'ftyp'), box(24, 'moov'), box(16, 'mvhd').subarray(0, 8)]),
    ],
    ['WebM that is cut', Buffer.from('1a45dfa3ff18538067', 'hex')],
    ['WebM of zeros', Buffer.concat([Buffer.from('1a45dfa3', 'hex'), Buffer.alloc(100)])],
    ['a size of eight bytes', Buffer.from('1a45dfa301ffffffffffffff00', 'hex')],
  ] as const)
    t.same(await probe(bytes), NOTHING, what)
})

import t from 'tap'
import { tryShortly } from './short.ts'

t.setTimeout(150_000)

t.test('what is promised holds with the embedded database, whose disk is full for a while', async (t) => {
  await tryShortly(t, 'embedded', [
    'kill a gateway',
    'kill a core',
    'pause a core',
    'fill the disk',
    'cut a link',
    'rotate a credential',
  ])
})

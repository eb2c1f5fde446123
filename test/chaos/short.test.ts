import t from 'tap'
import { tryShortly } from './short.ts'

t.setTimeout(150_000)

t.test('what is promised holds while one part after the other fails', async (t) => {
  const { failed } = await tryShortly(t, 'postgres', [
    'kill a gateway',
    'kill a core',
    'pause a core',
    'kill Redis',
    'stop PostgreSQL at once',
    'partition a link',
    "set a gateway's clock wrong",
    'rotate a credential',
  ])
  t.same(failed, [], 'nobody ended by itself')
})

import t from 'tap'
import { ERROR_CODES, errorEntry } from '../../gateway/errors.ts'

t.test('messages are ASCII: they are written a byte a character', async (t) => {
  for (const code of ERROR_CODES) t.match(errorEntry(code).message, /^[ -~]+$/, code)
})

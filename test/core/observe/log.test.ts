import t from 'tap'
import { CoreError } from '../../../core/errors.ts'
import { createLog } from '../../../core/observe/log.ts'
import { DatabaseError } from '../../../core/store/database.ts'

function setUp() {
  const lines: string[] = []
  const log = createLog('trace', { write: (line) => void lines.push(line) })
  return { log, lines }
}

t.test('of an error only name, message, code and causes are written', async (t) => {
  const { log, lines } = setUp()
  const refused = Object.assign(new Error('duplicate key'), {
    code: '23505',
    detail: 'Key (x)=(SECRET)',
    command: ['SECRET'],
  })
  const err = new CoreError('INTERNAL', undefined, {
    cause: new DatabaseError('23505', 'c', { cause: refused }),
  })
  log.error({ err }, 'failed')
  t.match(JSON.parse(lines[0] ?? ''), {
    err: {
      type: 'CoreError',
      code: 'INTERNAL',
      cause: { code: '23505', cause: { message: 'duplicate key' } },
    },
  })
  t.notMatch(lines.join(), /SECRET/)
})

t.test('an outage of the database is a short line for each request: code and cause, no stack', async (t) => {
  const { log, lines } = setUp()
  const cause = Object.assign(new Error('connect ECONNREFUSED 127.0.0.1:5432'), { code: 'ECONNREFUSED' })
  log.error({ err: new CoreError('STORE_UNAVAILABLE', undefined, { cause }) }, 'failed')
  log.error({ err: new CoreError('INTERNAL') }, 'failed')
  const [outage, fault] = lines.map((line) => JSON.parse(line))
  t.match(outage.err, { code: 'STORE_UNAVAILABLE', cause: { code: 'ECONNREFUSED', message: /^connect / } })
  t.notOk('stack' in outage.err)
  t.ok((lines[0] ?? '').length < 500)
  t.match(fault.err.stack, /log\.test/)
})

t.test('a chain of causes that has no end is cut', async (t) => {
  const { log, lines } = setUp()
  const err = new Error('round')
  err.cause = err
  log.error({ err }, 'failed')
  t.ok((lines[0] ?? '').length < 5_000)
})

t.test('what is no error is not quoted', async (t) => {
  const { log, lines } = setUp()
  log.error({ err: 'SECRET' }, 'failed')
  t.notMatch(lines.join(), /SECRET/)
})

t.test('fields that hold secrets are redacted wherever they slipped in', async (t) => {
  const { log, lines } = setUp()
  const headers = { 'im-api-key': 'SECRET' }
  log.info(
    { headers, req: { headers }, input: { token: 'SECRET', password: 'SECRET', authorization: 'SECRET' } },
    'x',
  )
  log.info({ call: { headers } }, 'x')
  t.notMatch(lines.join(), /SECRET/)
})

import { cpus, loadavg } from 'node:os'
import { parseArgs } from 'node:util'
import { type Driven, drive, isWithin, startLoadStack, toCostRows, toRow } from './drive.ts'
import { storm } from './storm.ts'

// `npm run load -- --mode bounded`: so many users and messages. `unbounded`: half as many again, each with as many
// messages, until p99 of send or delivery passes the limit. `storm`: a core is killed under many sockets.

const { values } = parseArgs({
  options: {
    mode: { type: 'string', default: 'bounded' },
    users: { type: 'string', default: '200' },
    /** Messages a second, of all together; at the start, in the unbounded mode. */
    rate: { type: 'string', default: '50' },
    seconds: { type: 'string', default: '30' },
    'limit-ms': { type: 'string', default: '500' },
    sockets: { type: 'string', default: '10000' },
  },
})
const [users, rate, seconds, limitMs, sockets] = [
  values.users,
  values.rate,
  values.seconds,
  values['limit-ms'],
  values.sockets,
].map(Number) as [number, number, number, number, number]
const GROWTH = 1.5
/** As many as one generator can make sockets for. */
const MOST_USERS = 5_000

const endings: (() => unknown)[] = []
const scope = { teardown: (end: () => unknown) => endings.unshift(end) }
const tell = (line: string) => console.error(line)

async function raise(): Promise<Driven[]> {
  const stack = await startLoadStack(scope)
  const steps: Driven[] = []
  for (let count = users; count <= MOST_USERS; count = Math.ceil(count * GROWTH)) {
    const step = await drive(scope, stack, { users: count, rate: (rate * count) / users, seconds })
    steps.push(step)
    tell(JSON.stringify(toRow(step)))
    if (!isWithin(step, limitMs)) break
  }
  return steps
}

function print(steps: readonly Driven[]): void {
  console.table(steps.map(toRow))
  console.table(steps.flatMap(toCostRows))
}

try {
  console.log(
    `${cpus().length} × ${cpus()[0]?.model}, Node ${process.version}, load before ${loadavg()[0]?.toFixed(1)}`,
  )
  if (values.mode === 'storm') {
    console.log(JSON.stringify(await storm(scope, { sockets, users, tell }), null, 2))
  } else if (values.mode === 'unbounded') {
    const steps = await raise()
    print(steps)
    const last = steps.findLast((step) => isWithin(step, limitMs))
    console.log(
      last === undefined
        ? `p99 was above ${limitMs} ms from the start`
        : `p99 within ${limitMs} ms up to ${last.users} users, ${last.messagesPerSecond.toFixed(0)} messages/s`,
    )
  } else if (values.mode === 'bounded') {
    const stack = await startLoadStack(scope)
    print([await drive(scope, stack, { users, rate, seconds })])
  } else throw new Error('--mode is bounded, unbounded or storm')
} finally {
  for (const end of endings) await end()
}

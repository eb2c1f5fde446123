import { randomBytes } from 'node:crypto'
import { gatewayUrl, PLATFORM_OPTIONS, platformApi } from './api.ts'
import { type Call, type Command, UsageError } from './command.ts'
import { createDrive, type Figures } from './load/drive.ts'
import type { Quantiles } from './load/measure.ts'
import { type Crowd, gather } from './load/people.ts'
import { createProgress, type Progress } from './progress.ts'

type Plan = { url: string; clientKey: string; users: number; rate: number; seconds: number }

export const loadCommand: Command = {
  name: 'load',
  says: 'let chat users connect, talk and listen for a while, and measure it',
  takes: [],
  options: {
    ...PLATFORM_OPTIONS,
    'client-key': { value: 'key', says: 'the app’s client key, which is no secret (or CLIENT_KEY)' },
    users: { value: 'n', says: 'with a socket each, in rooms of ten (20; at most 5000)' },
    rate: { value: 'n', says: 'messages a second, of all together (10; at most 5000)' },
    duration: { value: 's', says: 'seconds (10; at most 3600)' },
  },
  notes:
    'It makes users load-user-1 …, which stay, and rooms and tokens, which it removes. Ctrl-C ends it early, in order.\n' +
    'Exit code 1 if a message was refused or lost, or a socket was closed. Mind the rate limits of the app.',
  async run(call) {
    const plan = parsePlan(call)
    const api = await platformApi(call)
    const run = randomBytes(4).toString('hex')
    const progress = createProgress(call.terminal.messages)
    const crowd = await gather(api, run, plan.users, progress)
    try {
      const summary = await drive(run, plan, crowd, progress, call.terminal.stopped)
      const failed = summary.lost > 0 || summary.socketsLost > 0 || Object.keys(summary.refused).length > 0
      return { json: summary, shown: show(summary), failed }
    } finally {
      await crowd.leave().finally(progress.end)
    }
  },
}

function parsePlan(call: Call): Plan {
  const clientKey = call.text('client-key') ?? call.terminal.env.CLIENT_KEY?.trim()
  if (!clientKey) throw new UsageError('the client key is missing: set CLIENT_KEY, or --client-key <key>')
  return {
    url: gatewayUrl(call),
    clientKey,
    users: call.count('users', 20, 1, 5_000),
    rate: call.count('rate', 10, 1, 5_000),
    seconds: call.count('duration', 10, 1, 3_600),
  }
}

type Summary = Figures & { users: number; seconds: number }

async function drive(
  run: string,
  plan: Plan,
  { people }: Crowd,
  progress: Progress,
  stopped: AbortSignal,
): Promise<Summary> {
  const { users, rate, seconds } = plan
  const driver = await createDrive(run, {
    ...plan,
    people,
    durationMs: seconds * 1_000,
    onConnected: (count) => progress.at(count, users, 'connecting'),
    onProgress: (sent) => progress.at(sent, rate * seconds, `${sent} messages sent`),
    stopped,
  })
  try {
    const startMs = performance.now()
    const figures = await driver.run()
    return { users, seconds: Math.round((performance.now() - startMs) / 100) / 10, ...figures }
  } finally {
    driver.close()
  }
}

const line = (name: string, { count, p50Ms, p99Ms, maxMs }: Quantiles): string =>
  `${name.padEnd(10)} ${String(count).padStart(8)}   p50 ${p50Ms} ms   p99 ${p99Ms} ms   at most ${maxMs} ms`

function show(summary: Summary): string {
  const refusals = Object.entries(summary.refused).map(
    ([reason, count]) => `refused    ${String(count).padStart(8)}   ${reason}`,
  )
  return [
    `${summary.users} users, ${summary.seconds} s`,
    line('sent', summary.send),
    line('delivered', summary.delivery),
    ...refusals,
    `lost       ${String(summary.lost).padStart(8)}   ${summary.socketsLost} sockets closed`,
  ].join('\n')
}

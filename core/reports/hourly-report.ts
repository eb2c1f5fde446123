import { Agent, request } from 'undici'
import type { ChatContext } from '../chat/context.ts'
import { appIds } from '../store/apps.ts'
import { claimReport } from '../store/usage.ts'
import { presentUsage } from './usage.ts'

export type HourlyReport = {
  /** Posts the last full hour, if it is new and no other core has taken it. */
  run(): Promise<void>
  close(): Promise<void>
}

type Parts = {
  url: string
  chat: Pick<ChatContext, 'db' | 'connections' | 'clock' | 'log'>
  checkMs?: number
}

const HOUR_MS = 3_600_000
const CHECK_MS = 30_000
const TIMEOUT_MS = 10_000
const MAX_APPS = 10_000

/** Posts each app's usage to an address of the operator's once an hour, by one of the cores; at most once. */
export function createHourlyReport({ url, chat, checkMs = CHECK_MS }: Parts): HourlyReport {
  const { db, clock, log } = chat
  const agent = new Agent({
    connect: { timeout: TIMEOUT_MS },
    headersTimeout: TIMEOUT_MS,
    bodyTimeout: TIMEOUT_MS,
    keepAliveTimeout: 1,
  })
  let done = hourOf(clock())
  let running: Promise<void> = Promise.resolve()

  async function post(app: string, endMs: number): Promise<void> {
    try {
      const answer = await request(url, {
        method: 'POST',
        dispatcher: agent,
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(await presentUsage(chat, app, endMs)),
      })
      await answer.body.dump()
      if (answer.statusCode >= 300)
        log.warn({ app, status: answer.statusCode, reason: 'REPORT_REFUSED' }, 'a usage report was refused')
    } catch (err) {
      log.warn({ app, err, reason: 'REPORT_FAILED' }, 'a usage report was not delivered')
    }
  }

  async function report(): Promise<void> {
    const hour = hourOf(clock())
    if (hour === done) return
    if (await claimReport(db, new Date(hour)))
      for (const app of await appIds(db, MAX_APPS)) await post(app, hour)
    done = hour
  }

  const run = (): Promise<void> => {
    running = running.then(report).catch((err: unknown) => {
      log.warn({ err, reason: 'REPORT_FAILED' }, 'the usage could not be reported; it is tried again')
    })
    return running
  }
  const timer = setInterval(() => void run(), checkMs).unref()

  return {
    run,
    async close() {
      clearInterval(timer)
      await agent.destroy()
      await running
    },
  }
}

const hourOf = (ms: number): number => Math.floor(ms / HOUR_MS) * HOUR_MS

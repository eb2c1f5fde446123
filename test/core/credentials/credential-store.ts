import { pino } from 'pino'
import { type ChangeFeed, createChangeFeed, type FeedTiming } from '../../../core/credentials/change-feed.ts'
import type { AppDefaults, CredentialContext } from '../../../core/credentials/context.ts'
import { createIntrospection, type Introspect } from '../../../core/credentials/introspect.ts'
import { createApp } from '../../../core/credentials/keys.ts'
import type { Database } from '../../../core/store/database.ts'
import { migrate } from '../../../core/store/migrate.ts'
import { openDatabase } from '../../../core/store/open-database.ts'
import type { Scope } from '../../support/child-process.ts'
import { startPostgres, type TestPostgres } from '../../support/postgres.ts'

export const DAY_MS = 86_400_000

export type CredentialStore = {
  db: Database
  postgres: TestPostgres
  ctx: CredentialContext
  feed: ChangeFeed
  introspect: Introspect
  /** Moves with `passes`. */
  clock: () => number
  passes(ms: number): void
  addUser(id: string, app?: string): Promise<void>
}

/** An app `one` on a PostgreSQL database of its own, with the feed of a core that runs there. */
export async function startCredentialStore(
  t: Scope,
  options: { durable?: boolean; timing?: Partial<FeedTiming>; appDefaults?: Partial<AppDefaults> } = {},
): Promise<CredentialStore> {
  const postgres = await startPostgres(t, { durable: options.durable ?? false })
  const db = await openDatabase(postgres.url, { connectTimeoutMs: 20_000, statementTimeoutMs: 20_000 })
  await migrate(db)
  let nowMs = 1_800_000_000_000
  const clock = () => nowMs
  const log = pino({ level: 'silent' })
  const feed = await createChangeFeed({ db, clock, log, onLost: () => {}, timing: options.timing ?? {} })
  t.teardown(async () => {
    await feed.close()
    await db.close()
  })
  const jwtSecret = new TextEncoder().encode('a secret of more than sixteen bytes')
  const ctx: CredentialContext = {
    db,
    clock,
    nudge: feed.nudge,
    jwtSecret,
    tokenLifetimeMs: 7 * DAY_MS,
    appDefaults: { origins: ['*'], authUrl: undefined, privateUpstreams: 'none', ...options.appDefaults },
  }
  await createApp(ctx, 'one', { origins: ['https://one.example'] })
  return {
    db,
    postgres,
    ctx,
    feed,
    introspect: createIntrospection(db, clock, ctx.appDefaults),
    clock,
    passes(ms) {
      nowMs += ms
    },
    async addUser(id, app = 'one') {
      await db.query('', 'INSERT INTO users (app, id) VALUES ($1, $2)', [app, id])
    },
  }
}

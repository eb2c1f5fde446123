import { LRUCache } from 'lru-cache'
import { findConfig } from '../store/app-config.ts'
import type { Database } from '../store/database.ts'
import { type Censor, createCensor } from './censor.ts'

/** What the chat itself heeds of an app's configuration. */
export type AppRules = { censor: Censor; invitationRequired: boolean | undefined }

export type AppConfigs = {
  /** At most a few seconds old. Not inside a transaction: it may query the database itself. */
  of(app: string): Promise<AppRules>
  /** This core's own change holds at once. */
  forget(app: string): void
}

const MAX_APPS = 1_000
const MAX_AGE_MS = 5_000

/** Every send asks; the database is asked once per app and age. */
export function createAppConfigs(db: Database, clock: () => number): AppConfigs {
  const known = new LRUCache<string, { rules: Promise<AppRules>; untilMs: number }>({ max: MAX_APPS })
  return {
    of(app) {
      const nowMs = clock()
      const kept = known.get(app)
      if (kept !== undefined && nowMs < kept.untilMs) return kept.rules
      const entry = { rules: readRules(db, app), untilMs: nowMs + MAX_AGE_MS }
      known.set(app, entry)
      entry.rules.catch(() => {
        if (known.peek(app) === entry) known.delete(app)
      })
      return entry.rules
    },
    forget(app) {
      known.delete(app)
    },
  }
}

async function readRules(db: Database, app: string): Promise<AppRules> {
  const config = new Map((await findConfig(db, app)).map(({ key, content }) => [key, content]))
  const required = config.get('invitationRequired')
  return {
    censor: createCensor(keywordsOf(config.get('censorship')) ?? []),
    invitationRequired: required === undefined ? undefined : required === true || required === 1,
  }
}

/** The words of `censorship {keywords}`; undefined where it has another shape. */
export function keywordsOf(censorship: unknown): string[] | undefined {
  if (typeof censorship !== 'object' || censorship === null) return undefined
  const keywords: unknown = 'keywords' in censorship ? censorship.keywords : []
  if (!Array.isArray(keywords)) return undefined
  return keywords.every((word) => typeof word === 'string') ? keywords : undefined
}

import type { Introspection, IntrospectionRequest } from '#contract/internal.ts'
import type { Database } from '../store/database.ts'
import { snapshotKey, snapshotOnlyApp, snapshotToken } from '../store/introspection.ts'
import { resolveSettings } from './app-settings.ts'
import type { AppDefaults } from './context.ts'

export type Introspect = (request: IntrospectionRequest) => Promise<Introspection>

/** Answers whether a credential is live, and since which position that is known. */
export function createIntrospection(db: Database, clock: () => number, defaults: AppDefaults): Introspect {
  return async ({ kind, digest }) => {
    const now = new Date(clock())
    if (kind === 'client-token') {
      const { position, app, userId, expiresAt, isKnown } = only(await snapshotToken(db, digest, now))
      if (app === null) return { active: false, position, ...(!isKnown && { unknown: true as const }) }
      return { active: true, position, grant: { kind, app, userId, expiresAtMs: expiresAt.getTime() } }
    }
    const isKey = kind !== 'default-app'
    const { position, app, settings, expiresAt } = only(
      await (isKey ? snapshotKey(db, kind, digest, now) : snapshotOnlyApp(db)),
    )
    if (app === null) return { active: false, position }
    const granted = { app, settings: resolveSettings(app, settings, defaults) }
    if (!isKey) return { active: true, position, grant: { kind, ...granted, expiresAtMs: undefined } }
    return { active: true, position, grant: { kind, ...granted, expiresAtMs: expiresAt?.getTime() } }
  }
}

function only<T>(rows: T[]): T {
  const [row] = rows
  if (row === undefined) throw new Error('the feed has no position')
  return row
}

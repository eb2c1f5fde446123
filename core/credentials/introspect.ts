import type { AppSettings, Introspection, IntrospectionRequest } from '#contract/internal.ts'
import type { StoredSettings } from '../store/apps.ts'
import type { Database } from '../store/database.ts'
import { snapshotKey, snapshotOnlyApp, snapshotToken } from '../store/introspection.ts'

export type Introspect = (request: IntrospectionRequest) => Promise<Introspection>

/**
 * Answers whether a credential is live, and since which position that is known.
 * @param defaultOrigins for apps that name none of their own
 */
export function createIntrospection(
  db: Database,
  clock: () => number,
  defaultOrigins: readonly string[],
): Introspect {
  return async ({ kind, digest }) => {
    const now = new Date(clock())
    if (kind === 'client-token') {
      const { position, app, userId, expiresAt } = only(await snapshotToken(db, digest, now))
      if (app === null) return { active: false, position }
      return { active: true, position, grant: { kind, app, userId, expiresAtMs: expiresAt.getTime() } }
    }
    const isKey = kind !== 'default-app'
    const { position, app, settings, expiresAt } = only(
      await (isKey ? snapshotKey(db, kind, digest, now) : snapshotOnlyApp(db)),
    )
    if (app === null) return { active: false, position }
    const granted = { app, settings: toSettings(app, settings, defaultOrigins) }
    if (!isKey) return { active: true, position, grant: { kind, ...granted, expiresAtMs: undefined } }
    return { active: true, position, grant: { kind, ...granted, expiresAtMs: expiresAt?.getTime() } }
  }
}

function toSettings(app: string, stored: StoredSettings, defaultOrigins: readonly string[]): AppSettings {
  return {
    app,
    origins: stored.origins ?? defaultOrigins,
    allowPlatformKeyFromBrowser: stored.allowPlatformKeyFromBrowser ?? false,
    platformSources: stored.platformSources ?? [],
  }
}

function only<T>(rows: T[]): T {
  const [row] = rows
  if (row === undefined) throw new Error('the feed has no position')
  return row
}

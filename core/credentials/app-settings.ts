/** An app's settings: as kept, as in force for gateways, and as shown to people, who never see a secret again. */
import type { AppAuthentication, AppSettings } from '#contract/internal.ts'
import { CoreError } from '../errors.ts'
import type { StoredAuthentication, StoredSettings } from '../store/apps.ts'
import * as store from '../store/apps.ts'
import { recordChange } from '../store/credential-changes.ts'
import type { AppDefaults, CredentialContext } from './context.ts'
import { createApp } from './keys.ts'
import { mergeSettings, parseSettingsChange } from './settings-change.ts'

const EXTERNAL_TIMEOUT_MS = 3_000
const EXTERNAL_CACHE_MS = 60_000

export function resolveSettings(app: string, stored: StoredSettings, defaults: AppDefaults): AppSettings {
  const authentication = resolveAuthentication(stored.authentication, defaults)
  return {
    app,
    origins: stored.origins ?? defaults.origins,
    allowPlatformKeyFromBrowser: stored.allowPlatformKeyFromBrowser ?? false,
    platformSources: stored.platformSources ?? defaults.platformSources ?? [],
    ...(authentication !== undefined && { authentication }),
  }
}

function resolveAuthentication(
  stored: StoredAuthentication | undefined,
  { authUrl }: AppDefaults,
): AppAuthentication | undefined {
  const usual = { timeoutMs: EXTERNAL_TIMEOUT_MS, cacheMs: EXTERNAL_CACHE_MS }
  if (stored === undefined)
    return authUrl === undefined ? undefined : { external: { ...usual, url: authUrl, isDeployments: true } }
  const { jwt, external } = stored
  if (jwt === undefined && external === undefined) return undefined
  return {
    ...(jwt !== undefined && { jwt }),
    ...(external !== undefined && { external: { ...usual, ...external, isDeployments: false } }),
  }
}

export type ShownApp = { app: string; createdAt: string; settings: Record<string, unknown> }

/** @throws CoreError APP_NOT_FOUND */
export async function describeApp(ctx: CredentialContext, app: string): Promise<ShownApp> {
  const row = await store.findApp(ctx.db, app)
  if (row === undefined) throw new CoreError('APP_NOT_FOUND')
  const { webhookUrl } = row.settings
  const settings = {
    ...showSettings(resolveSettings(app, row.settings, ctx.appDefaults)),
    webhookUrl: webhookUrl === undefined ? null : withoutQuery(webhookUrl),
  }
  return { app, createdAt: row.createdAt.toISOString(), settings }
}

export async function listApps(
  ctx: CredentialContext,
  page: { after?: string | undefined; limit: number },
): Promise<{ app: string; createdAt: string }[]> {
  const rows = await store.listApps(ctx.db, page.after ?? '', page.limit)
  return rows.map(({ app, createdAt }) => ({ app, createdAt: createdAt.toISOString() }))
}

/** @throws CoreError APP_EXISTS, INVALID_REQUEST */
export async function createAppWithSettings(
  ctx: CredentialContext,
  app: string,
  input: unknown,
): Promise<ShownApp> {
  const change = parseSettingsChange(input, ctx.appDefaults.privateUpstreams)
  await createApp(ctx, app, mergeSettings({}, change))
  return describeApp(ctx, app)
}

/**
 * Changes what is named: a field that is absent stays, null goes back to the deployment's default.
 * @throws CoreError APP_NOT_FOUND, INVALID_REQUEST
 */
export async function changeSettings(
  ctx: CredentialContext,
  app: string,
  input: unknown,
): Promise<{ app: ShownApp; position: number }> {
  const change = parseSettingsChange(input, ctx.appDefaults.privateUpstreams)
  const position = await ctx.db.transaction(async (tx) => {
    const stored = await store.lockSettings(tx, app)
    if (stored === undefined) throw new CoreError('APP_NOT_FOUND')
    await store.updateApp(tx, app, mergeSettings(stored, change))
    return recordChange(tx, { subject: 'app', app })
  })
  ctx.nudge()
  return { app: await describeApp(ctx, app), position }
}

/** Whether tokens that are no rows may be good in an app. */
export async function hasForeignTokens(ctx: CredentialContext, app: string): Promise<boolean> {
  const row = await store.findApp(ctx.db, app)
  return row !== undefined && resolveSettings(app, row.settings, ctx.appDefaults).authentication !== undefined
}

function showSettings({ app: _, authentication, ...settings }: AppSettings): Record<string, unknown> {
  return {
    ...settings,
    authentication: authentication === undefined ? null : showAuthentication(authentication),
  }
}

function showAuthentication({ jwt, external }: AppAuthentication): Record<string, unknown> {
  const shown: Record<string, unknown> = {}
  if (jwt !== undefined && 'secret' in jwt) {
    const { secret: _, ...rest } = jwt
    shown.jwt = { ...rest, hasSecret: true }
  } else if (jwt !== undefined) shown.jwt = { ...jwt, jwksUrl: withoutQuery(jwt.jwksUrl) }
  // Where the deployment keeps its own service is nobody's business.
  if (external?.isDeployments) shown.external = { isDeployments: true }
  else if (external !== undefined) {
    const { isDeployments: _, ...rest } = external
    shown.external = { ...rest, url: withoutQuery(external.url) }
  }
  return shown
}

/** A query may hold a key. */
function withoutQuery(text: string): string {
  const { origin, pathname, search } = new URL(text)
  return `${origin}${pathname}${search === '' ? '' : '?…'}`
}

import type { CredentialChange } from '#contract/internal.ts'
import type { FeedFollower } from '../authn/credential-changes.ts'
import type { Logger } from '../observe/log.ts'
import type { Registry } from './registry.ts'

/** After an app's keys or settings changed its tunnels begin anew, not all at once. */
const APP_WINDOW_MS = 5_000

/** A tunnel whose credential may have ended unheard stays this long. */
const MAX_BEHIND_MS = 300_000
const CHECK_INTERVAL_MS = 1_000

/** Closes what a change of credentials ends. A feed that cannot be continued may hide one: nothing stays open then. */
export function followChanges(feed: FeedFollower, registry: Registry, log: Logger): { close(): void } {
  feed.onChange((change) => apply(change, registry))
  feed.onReset(() => {
    log.warn({ event: 'tunnels-reset' }, 'the credential feed began anew, all tunnels are closed')
    void registry.closeEvery({ windowMs: APP_WINDOW_MS })
  })
  const timer = setInterval(() => {
    if (feed.behindMs() <= MAX_BEHIND_MS) return
    log.warn(
      { event: 'tunnels-unsure' },
      'the credential feed is out of reach for too long, all tunnels are closed',
    )
    void registry.closeEvery({ windowMs: 0 })
  }, CHECK_INTERVAL_MS).unref()
  return { close: () => clearInterval(timer) }
}

function apply(change: CredentialChange, registry: Registry): void {
  if (change.subject === 'credential') {
    if (change.effect === 'revoked') registry.closeCredential(change.credentialId)
    else if (change.expiresAtMs !== undefined)
      registry.renewCredential(change.credentialId, change.expiresAtMs)
  } else if (change.subject === 'user') registry.closeUser(change.app, change.userId)
  else void registry.closeApp(change.app, { windowMs: APP_WINDOW_MS })
}

import { pino } from 'pino'
import type { Test } from 'tap'
import type { AppAuthentication } from '#contract/internal.ts'
import type { PrivateUpstreams } from '#contract/outbound-address.ts'
import type { Outcome } from '../../../gateway/authn/authenticator.ts'
import { createAuthn } from '../../../gateway/authn/authn.ts'
import type { AuthnEvent } from '../../../gateway/authn/authn-event.ts'
import { DEFAULT_FEED_LIMITS } from '../../../gateway/authn/credential-changes.ts'
import { startCoreStandIn } from './core-stand-in.ts'

export const KEY = 'shop_clientkey'
export const BANK_KEY = 'bank_clientkey'
export const unavailable = { code: 'AUTHENTICATION_UNAVAILABLE' }

/** A gateway's authentication before apps `shop`, which has this authentication of its own, and `bank`, which has none. */
export async function startForeignAuthn(
  t: Test,
  authentication: AppAuthentication,
  privateUpstreams: PrivateUpstreams = 'all',
) {
  const core = await startCoreStandIn(t)
  const { store } = core
  store.addApp('shop', { authentication })
  store.addApp('bank')
  store.addKey('client-key', 'shop', KEY)
  store.addKey('client-key', 'bank', BANK_KEY)
  const clock = { nowMs: Date.now() }
  const events: AuthnEvent[] = []
  const authn = createAuthn({
    coreInternalUrl: core.url,
    privateUpstreams,
    clock: () => clock.nowMs,
    log: pino({ level: 'silent' }),
    observe: (event) => events.push(event),
    limits: { feed: { ...DEFAULT_FEED_LIMITS, retryMs: 5, maxRetryMs: 20 } },
  })
  t.teardown(() => authn.close())
  while (authn.feed.state() !== 'current') await new Promise((resolve) => setTimeout(resolve, 1))

  const authenticate = async (token: string, clientKey = KEY): Promise<Outcome | undefined> =>
    authn.authenticate(
      {
        clientKey,
        clientToken: token,
        platformKey: undefined,
        deviceId: undefined,
        actingUserId: undefined,
      },
      { origin: undefined, address: '192.0.2.1', app: undefined },
    )
  return {
    core,
    store,
    clock,
    events,
    authn,
    authenticate,
    /** `user ada`, or the code of the refusal. */
    async whoIs(token: string, clientKey = KEY): Promise<string> {
      const outcome = await authenticate(token, clientKey)
      if (outcome === undefined) return 'nobody'
      return 'refused' in outcome ? outcome.refused : `user ${outcome.proof.userId}`
    },
    count: (event: AuthnEvent) => events.filter((seen) => seen === event).length,
    /** Until the gateway has followed everything that changed. */
    async follow() {
      core.push()
      await authn.feed.reached(store.position(), 5_000)
    },
  }
}

export type ForeignAuthn = Awaited<ReturnType<typeof startForeignAuthn>>

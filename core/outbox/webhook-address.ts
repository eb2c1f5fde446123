import type { WebhookAddresses } from '../store/webhook-places.ts'
import type { WebhookTarget } from '../store/webhooks.ts'

export type WebhookAddress = { url: URL; trusted: boolean }

/**
 * Where a target's events go: undefined where it has no address. A room's webhook is a URL, or a key under the
 * operator's prefix, and members may write it: a key cannot lead outside the prefix, and only there may an address be
 * private.
 */
export function webhookAddress(
  target: WebhookTarget,
  addresses: WebhookAddresses,
  prefix: string | undefined,
): WebhookAddress | undefined {
  const text = addresses[target]?.trim()
  if (!text) return undefined
  if (/^https?:\/\//i.test(text))
    return URL.canParse(text) ? { url: new URL(text), trusted: false } : undefined
  if (target === 'app' || prefix === undefined || !URL.canParse(prefix + text)) return undefined
  const url = new URL(prefix + text)
  const base = new URL(prefix)
  const inside =
    url.origin === base.origin &&
    url.username === base.username &&
    url.password === base.password &&
    url.href.startsWith(base.href)
  return inside ? { url, trusted: true } : undefined
}

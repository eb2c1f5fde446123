import { createHmac } from 'node:crypto'

export const WEBHOOK_SIGNATURE_HEADER = 'im-webhook-signature'

/** What the customer keeps: made from the salt that is stored and the deployment's own secret. */
export const webhookSecret = (deploymentSecret: Uint8Array, app: string, salt: string): string => {
  const named = JSON.stringify(['webhook-secret', app, salt])
  return `whsec_${createHmac('sha256', deploymentSecret).update(named).digest('base64url')}`
}

/**
 * `t=<seconds>,v1=<hex>[,v1=<hex>]`: HMAC-SHA256 of `t.body`, one for each live secret, so that a receiver may change
 * from one to the other at any time.
 */
export function webhookSignature(secrets: readonly string[], body: string, atMs: number): string {
  const t = Math.floor(atMs / 1_000)
  const sign = (secret: string) => createHmac('sha256', secret).update(`${t}.${body}`).digest('hex')
  return [`t=${t}`, ...secrets.map((secret) => `v1=${sign(secret)}`)].join(',')
}

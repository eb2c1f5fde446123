import { IDENTITY_HEADER, REQUEST_ID_HEADER } from '#contract/identity.ts'

/** What the gateway itself tells the core of a request or an upgrade. */
export type Vouched = {
  signedIdentity: string
  address: string
  /** The scheme that the client used, as far as this process can know. */
  scheme: 'http' | 'https'
  host: string
  requestId: string
}

/** The last step, for HTTP and upgrades alike: everything that folds to these names has been dropped before. */
export function injectFields(endToEnd: string[], vouched: Vouched): string[] {
  endToEnd.push(
    IDENTITY_HEADER,
    vouched.signedIdentity,
    'x-forwarded-for',
    vouched.address,
    'x-forwarded-proto',
    vouched.scheme,
    'x-forwarded-host',
    vouched.host,
    REQUEST_ID_HEADER,
    vouched.requestId,
  )
  return endToEnd
}

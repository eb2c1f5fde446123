import type { Authenticator, Origin, Outcome } from './authenticator.ts'
import type { CredentialStore, Resolution } from './credential-store.ts'

/** A client key alone: nobody yet, but of a known app. */
export function createClientKeyAuthenticator(store: CredentialStore): Authenticator {
  return {
    name: 'client-key',
    authenticate({ clientKey }, origin) {
      if (clientKey === undefined) return undefined
      const found = store.resolve('client-key', undefined, clientKey, origin.address)
      return found instanceof Promise ? found.then((proof) => outcome(proof, origin)) : outcome(found, origin)
    },
  }
}

function outcome(proof: Resolution, { app }: Origin): Outcome {
  if (proof === undefined || (app !== undefined && app !== proof.app))
    return { refused: 'INVALID_CLIENT_KEY' }
  return { proof }
}

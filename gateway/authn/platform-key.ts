import type { Authenticator, Origin, Outcome } from './authenticator.ts'
import type { CredentialStore, Resolution } from './credential-store.ts'
import { isSourceAllowed } from './source-filter.ts'

/** A customer's server. Where its key is presented it decides, whatever stands beside it. */
export function createPlatformKeyAuthenticator(store: CredentialStore): Authenticator {
  return {
    name: 'platform-key',
    authenticate({ platformKey }, origin) {
      if (platformKey === undefined) return undefined
      const found = store.resolve('platform-key', undefined, platformKey, origin.address)
      return found instanceof Promise ? found.then((proof) => outcome(proof, origin)) : outcome(found, origin)
    },
  }
}

function outcome(proof: Resolution, { origin, address, app, console, socket }: Origin): Outcome {
  if (proof === undefined || (app !== undefined && app !== proof.app)) return { refused: 'INVALID_API_KEY' }
  const isConsole = console === true && socket !== true
  if (origin !== undefined && !isConsole && !proof.settings.allowPlatformKeyFromBrowser)
    return { refused: 'PLATFORM_KEY_FROM_BROWSER' }
  if (!isSourceAllowed(proof.settings, address)) return { refused: 'SOURCE_NOT_ALLOWED' }
  return { proof }
}

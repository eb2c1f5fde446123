import type { Authenticator, Credentials, Origin, Outcome } from './authenticator.ts'
import type { CredentialStore, Resolution } from './credential-store.ts'

/** A user's token, by introspection. It is good only within the app that the client key (or the socket) names. */
export function createClientTokenAuthenticator(store: CredentialStore): Authenticator {
  function withinApp(named: Resolution, token: string, { app, address }: Origin): Outcome | Promise<Outcome> {
    if (named === undefined || (app !== undefined && app !== named.app))
      return { refused: 'INVALID_CLIENT_KEY' }
    const found = store.resolve('client-token', named.settings, token, address)
    return found instanceof Promise ? found.then((proof) => outcome(proof, named)) : outcome(found, named)
  }

  return {
    name: 'client-token',
    authenticate(credentials, origin) {
      const { clientToken } = credentials
      if (clientToken === undefined) return undefined
      const named = nameApp(store, credentials, origin)
      return named instanceof Promise
        ? named.then((proof) => withinApp(proof, clientToken, origin))
        : withinApp(named, clientToken, origin)
    },
  }
}

/** No shipped client names its app inside a socket's event: then it is the upgrade's, or the only one there is. */
function nameApp(
  store: CredentialStore,
  { clientKey }: Credentials,
  { app, socket, address }: Origin,
): Resolution | Promise<Resolution> {
  if (clientKey !== undefined) return store.resolve('client-key', undefined, clientKey, address)
  if (app !== undefined) return store.resolveApp(app)
  return socket === true ? store.resolve('default-app', undefined, '') : undefined
}

function outcome(proof: Resolution, named: NonNullable<Resolution>): Outcome {
  if (proof === undefined) return { refused: 'INVALID_TOKEN' }
  // The key's settings are the fresher ones: a change of the app evicts both, but the two are read one by one.
  if (proof.settings !== named.settings) proof.settings = named.settings
  return { proof }
}

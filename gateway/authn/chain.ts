import type { Authenticator, Credentials, Origin, Outcome } from './authenticator.ts'

export type Authenticate = Authenticator['authenticate']

/** The first authenticator whose kind of credential is presented decides: the array's order is the precedence. */
export function createChain(authenticators: readonly Authenticator[]): Authenticate {
  function from(
    start: number,
    credentials: Credentials,
    origin: Origin,
  ): Outcome | undefined | Promise<Outcome | undefined> {
    for (let i = start; i < authenticators.length; i++) {
      const outcome = authenticators[i]?.authenticate(credentials, origin)
      if (outcome instanceof Promise) return outcome.then((late) => late ?? from(i + 1, credentials, origin))
      if (outcome !== undefined) return outcome
    }
    return undefined
  }

  return (credentials, origin) => from(0, credentials, origin)
}

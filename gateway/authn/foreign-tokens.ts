import type { AppSettings, Provision, ProvisionRequest } from '#contract/internal.ts'
import { GatewayError } from '../errors.ts'
import type { Observe } from './authn-event.ts'
import type { TokenVerifier, VouchedUser } from './token-verifier.ts'

/** Client tokens that are no rows of the user store, proven by what their app has configured for that. */
export type ForeignTokens = {
  /**
   * Whose the token is, that user being known to the core by then and allowed in; undefined where it is bad.
   * @throws GatewayError AUTHENTICATION_UNAVAILABLE
   */
  prove(token: string, settings: AppSettings): Promise<VouchedUser | undefined>
}

type Parts = {
  /** In order; the first that a token is for decides. */
  verifiers: readonly TokenVerifier[]
  provision: (request: ProvisionRequest) => Promise<Provision>
  observe: Observe
}

export function createForeignTokens({ verifiers, provision, observe }: Parts): ForeignTokens {
  async function verify(token: string, { app, authentication = {} }: AppSettings) {
    for (const { name, verify } of verifiers) {
      const verdict = verify(token, app, authentication)
      if (verdict === undefined) continue
      return (await verdict.catch(unavailable(`${name} of app "${app}"`))) ?? undefined
    }
    return undefined
  }

  return {
    async prove(token, settings) {
      const user = await verify(token, settings)
      if (user === undefined) return undefined
      const { userId, nickname, avatarUrl, issuedAtMs } = user
      const { allowed } = await provision({
        app: settings.app,
        userId,
        ...(nickname !== undefined && { nickname }),
        ...(avatarUrl !== undefined && { avatarUrl }),
        ...(issuedAtMs !== undefined && { issuedAtMs }),
      }).catch((error: unknown) => {
        observe('provision-failed')
        return unavailable('provisioning')(error)
      })
      observe(allowed ? 'provision-allowed' : 'provision-refused')
      return allowed ? user : undefined
    },
  }
}

const unavailable = (what: string) => (cause: unknown) => {
  throw new GatewayError('AUTHENTICATION_UNAVAILABLE', { cause: new Error(`${what} failed`, { cause }) })
}

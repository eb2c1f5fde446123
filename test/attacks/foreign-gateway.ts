import type { AppAuthentication } from '#contract/internal.ts'
import type { Scope } from '../support/child-process.ts'
import { identityOf, startGateway } from '../support/gateway.ts'
import { requestText, sendRaw } from '../support/raw-http.ts'

/** The real gateway, whose app `demo` has this authentication of its own, and one that tells what the core received. */
export async function startForeignGateway(
  t: Scope,
  authentication: AppAuthentication,
  env: Record<string, string> = { ALLOW_PRIVATE_UPSTREAMS: 'true' },
) {
  const gateway = await startGateway(t, { env })
  gateway.store.changeSettings('demo', { authentication })
  gateway.core.push()
  const send = (token: string, clientKey = 'demo_clientkey') =>
    sendRaw(
      gateway.publicUrl,
      requestText('GET /me HTTP/1.1', [`IM-Client-Key: ${clientKey}`, `IM-Authorization: ${token}`]),
    )
  return {
    ...gateway,
    send,
    /** The status, and the user that the core was told of; undefined where it received nothing. */
    async present(token: string): Promise<{ status: number; userId: string | undefined }> {
      const before = gateway.upstream.requests.length
      const { status } = await send(token)
      const received = gateway.upstream.requests[before]
      const identity = received && identityOf(received)
      return { status, userId: identity?.kind === 'client' ? identity.userId : undefined }
    },
  }
}

export const refused = { status: 401, userId: undefined }
export const undecided = { status: 503, userId: undefined }

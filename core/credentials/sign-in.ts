import { hasForeignTokens } from './app-settings.ts'
import type { CredentialContext } from './context.ts'
import type { TokenSubject } from './jwt.ts'
import { bindToken, issueToken } from './tokens.ts'

export type SignedIn = { token: string; expiresAt: Date; position: number | undefined }

/** No later date has an ISO form that clients read. */
const LATEST_MS = Date.UTC(9999, 11, 31)

/**
 * A token for a user that exists: of our own making, or signed by the deployment's service. The latter becomes a row
 * too, unless the app has its tokens verified elsewhere: then that verification alone says how long it is good.
 * @throws CoreError CLIENT_NOT_FOUND, AUTH_SERVICE_UNAVAILABLE
 */
export async function signIn(ctx: CredentialContext, app: string, subject: TokenSubject): Promise<SignedIn> {
  if (ctx.delegatedSigning === undefined) {
    const { token, position } = await issueToken(ctx, app, subject)
    return { token: token.token, expiresAt: token.expiresAt, position }
  }
  const signed = await ctx.delegatedSigning.sign(subject)
  const expiresAtMs = signed.expiresAt?.getTime() ?? ctx.clock() + ctx.tokenLifetimeMs
  const expiresAt = new Date(Math.min(expiresAtMs, LATEST_MS))
  if (await hasForeignTokens(ctx, app)) return { token: signed.token, expiresAt, position: undefined }
  const input = { userId: subject.id, token: signed.token, expirationDate: expiresAt.toISOString() }
  const { position } = await bindToken(ctx, app, input)
  return { token: signed.token, expiresAt, position }
}

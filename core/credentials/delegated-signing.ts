/** Tokens that the deployment has signed elsewhere (AUTH_SIGN): `POST claims` → `{token, expirationDate}`. */
import { Agent } from 'undici'
import { MAX_CREDENTIAL_BYTES } from '#contract/credential.ts'
import { CoreError } from '../errors.ts'
import type { TokenSubject } from './jwt.ts'

export type DelegatedSigning = {
  /** @throws CoreError AUTH_SERVICE_UNAVAILABLE */
  sign(subject: TokenSubject): Promise<{ token: string; expiresAt: Date | undefined }>
  close(): Promise<void>
}

const TIMEOUT_MS = 3_000
const MAX_ANSWER_BYTES = 65_536

export function createDelegatedSigning(url: string, timeoutMs = TIMEOUT_MS): DelegatedSigning {
  const { origin, pathname, search } = new URL(url)
  const agent = new Agent({ connections: 16, maxResponseSize: MAX_ANSWER_BYTES })
  const path = pathname + search

  async function ask({ id, nickname, avatarUrl }: TokenSubject): Promise<unknown> {
    const { statusCode, body } = await agent.request({
      origin,
      path,
      method: 'POST',
      headers: { accept: 'application/json', 'content-type': 'application/json' },
      body: JSON.stringify({ id, nickname, avatarUrl }),
      signal: AbortSignal.timeout(timeoutMs),
    })
    if (statusCode === 200) return body.json()
    body.dump({ limit: MAX_ANSWER_BYTES }).catch(() => {})
    throw new Error(`it answered ${statusCode}`)
  }

  return {
    async sign(subject) {
      try {
        return parseSigned(await ask(subject))
      } catch (error) {
        // Of a JSON error only the kind: its message quotes the answer, which holds a token.
        const cause = error instanceof SyntaxError ? new Error('it answered no JSON') : error
        throw new CoreError('AUTH_SERVICE_UNAVAILABLE', undefined, { cause })
      }
    },
    close: () => agent.destroy(),
  }
}

function parseSigned(value: unknown): { token: string; expiresAt: Date | undefined } {
  if (typeof value !== 'object' || value === null || !('token' in value))
    throw new Error('it answered no token')
  const { token } = value
  if (typeof token !== 'string' || token === '' || Buffer.byteLength(token) > MAX_CREDENTIAL_BYTES)
    throw new Error('it answered a token that cannot be one')
  const given = 'expirationDate' in value ? value.expirationDate : undefined
  const expiresAt = typeof given === 'string' || typeof given === 'number' ? new Date(given) : undefined
  if (expiresAt !== undefined && Number.isNaN(expiresAt.getTime()))
    throw new Error('it answered an expirationDate that is no date')
  return { token, expiresAt }
}

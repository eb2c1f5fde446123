import { LRUCache } from 'lru-cache'
import type { ExternalAuth } from '#contract/internal.ts'
import type { Observe } from './authn-event.ts'
import { type Circuit, type CircuitLimits, CircuitOpenError, createCircuit } from './circuit.ts'
import type { Outbound } from './outbound.ts'
import {
  parseTimeClaim,
  parseVouchedId,
  parseVouchedProfile,
  type TokenVerifier,
  type Verdict,
} from './token-verifier.ts'

const MAX_SERVICES = 10_000

/** Refusals that speak of the moment, not of the token. */
const NOT_NOW = new Set([408, 421, 425, 429])

type Parts = {
  outbound: Outbound
  clock: () => number
  steadyClock?: (() => number) | undefined
  observe: Observe
  limits?: CircuitLimits | undefined
}

/** Asks an app's auth service. 401 and its like mean a bad token; whatever else is no answer, and so an exception. */
export function createExternalAuth({ outbound, clock, observe, ...parts }: Parts): TokenVerifier {
  const { steadyClock = clock, limits } = parts
  // By app too: no app's timeouts are another's.
  const circuits = new LRUCache<string, Circuit>({ max: MAX_SERVICES })

  function circuitOf(app: string, { url }: ExternalAuth): Circuit {
    const key = `${app}\0${url}`
    const circuit = circuits.get(key) ?? createCircuit(steadyClock, limits)
    circuits.set(key, circuit)
    return circuit
  }

  async function ask(token: string, app: string, service: ExternalAuth): Promise<Verdict> {
    const { url, timeoutMs, isDeployments } = service
    const body = JSON.stringify({ token })
    try {
      const verdict = await circuitOf(app, service).run(async () => {
        const { status, text } = await outbound.request({
          method: 'POST',
          url,
          body,
          timeoutMs,
          isDeployments,
        })
        if (status === 200) return parseAnswer(text, service, clock())
        if (status >= 400 && status < 500 && !NOT_NOW.has(status)) return null
        throw new Error(`the auth service answered ${status}`)
      })
      observe(verdict === null ? 'external-refused' : 'external-verified')
      return verdict
    } catch (error) {
      observe(error instanceof CircuitOpenError ? 'external-paused' : 'external-failed')
      throw error
    }
  }

  return {
    name: 'external-auth',
    verify: (token, app, { external }) => (external === undefined ? undefined : ask(token, app, external)),
  }
}

/** @throws Error where the answer names nobody: a service that says 200 and no more has not said yes. */
function parseAnswer(text: string, service: ExternalAuth, nowMs: number): Verdict {
  const answer: unknown = parseJson(text)
  if (typeof answer !== 'object' || answer === null || Array.isArray(answer))
    throw new Error('the auth service answered no object')
  const claims: { id?: unknown; exp?: unknown; iat?: unknown; nickname?: unknown; avatarUrl?: unknown } =
    answer
  const userId = parseVouchedId(claims.id)
  if (userId === undefined) throw new Error('the auth service answered no usable id')
  const expiresAtMs = parseTimeClaim(claims.exp)
  if (expiresAtMs !== undefined && expiresAtMs <= nowMs) return null
  return {
    userId,
    ...parseVouchedProfile(claims),
    issuedAtMs: parseTimeClaim(claims.iat),
    expiresAtMs,
    cacheMs: service.cacheMs,
  }
}

/** The parser's own message would quote the answer. */
function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    throw new Error('the auth service answered no JSON')
  }
}

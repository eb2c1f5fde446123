import { LRUCache } from 'lru-cache'
import { type CredentialKind, credentialDigest, MAX_CREDENTIAL_BYTES } from '#contract/credential.ts'
import type { AppSettings, Grant, Introspection } from '#contract/internal.ts'
import { GatewayError } from '../errors.ts'
import type { Proof } from './authenticator.ts'
import type { Observe } from './authn-event.ts'
import type { Answer, ChangeLedger, Standing } from './change-ledger.ts'
import type { FeedFollower } from './credential-changes.ts'
import type { ForeignTokens } from './foreign-tokens.ts'
import type { IntrospectionClient } from './introspection.ts'
import type { OutcomeCache } from './outcome-cache.ts'
import { createRecentProofs } from './recent-proofs.ts'
import type { RedisLookup } from './redis-lookup.ts'
import type { VouchedUser } from './token-verifier.ts'

/** The proof of a good credential, undefined for a bad one. */
export type Resolution = Proof | undefined

/**
 * Finds out what a credential proves: cache, then Redis, then the core, and of a client token that none of them has
 * ever known, what its app has configured for such. Synchronous when cached.
 * Throws GatewayError AUTHENTICATION_UNAVAILABLE when it cannot find out, which is never remembered.
 */
export type CredentialStore = {
  /**
   * @param within Settings of the app that a client token is to be valid in; keys name their app themselves.
   * @param address Who presents it: an address has only so many lookups that find nothing, then it is
   * RATE_LIMIT_EXCEEDED for what is not cached.
   */
  resolve(
    kind: CredentialKind,
    within: AppSettings | undefined,
    secret: string,
    address?: string,
  ): Resolution | Promise<Resolution>
  /** The proof of an app that a client key named before, as long as that key is good; else of the only app. */
  resolveApp(app: string): Resolution | Promise<Resolution>
}

/** How many lookups of one address may find nothing. */
export type LookupBudget = {
  /** 0, or the seconds in which the address gets no further lookup. */
  waitS(address: string): number
  failed(address: string): void
}

export type StoreLimits = {
  /** Different credentials that may be looked up at one time. */
  maxLookups: number
  /** After the core failed, the longest time in which it is not asked again. */
  maxPauseMs: number
}

export const DEFAULT_STORE_LIMITS: StoreLimits = { maxLookups: 10_000, maxPauseMs: 250 }

const FIRST_PAUSE_MS = 25
const MAX_APPS = 10_000

type Question = {
  kind: CredentialKind
  within: AppSettings | undefined
  digest: string
  /** Of a client token alone. */
  secret: string | undefined
}
type Judged = { answer: Answer; standing: Standing; isUnknown: boolean }

type Parts = {
  cache: OutcomeCache
  ledger: ChangeLedger
  feed: Pick<FeedFollower, 'position' | 'state'>
  redis: Pick<RedisLookup, 'find'> | undefined
  introspect: IntrospectionClient['introspect']
  foreign?: ForeignTokens | undefined
  budget?: LookupBudget | undefined
  clock: () => number
  steadyClock?: (() => number) | undefined
  observe: Observe
  limits?: StoreLimits | undefined
}

export function createCredentialStore(parts: Parts): CredentialStore {
  const { cache, ledger, feed, redis, introspect, foreign, budget, clock, observe } = parts
  const { limits = DEFAULT_STORE_LIMITS, steadyClock = clock } = parts
  const lookups = new Map<string, Promise<Resolution>>()
  const recent = createRecentProofs({ cache, clock: steadyClock })
  /** The client key, by digest, that last named an app. */
  const keyOfApp = new LRUCache<string, string>({ max: MAX_APPS })
  let failures = 0
  let pausedUntilMs = 0

  function resolveDigest(question: Question, address?: string): Resolution | Promise<Resolution> {
    const cached = cache.get(question.digest)
    return cached === undefined ? lookUp(question, address) : judgeCached(cached)
  }

  function judgeCached(cached: Proof | null): Resolution {
    const state = feed.state()
    if (state === 'stale') {
      observe('cache-stale')
      throw new GatewayError('AUTHENTICATION_UNAVAILABLE')
    }
    if (cached === null) {
      observe('cache-negative-hit')
      return undefined
    }
    observe(state === 'current' ? 'cache-hit' : 'cache-hit-behind')
    return cached
  }

  function lookUp(question: Question, address: string | undefined): Promise<Resolution> {
    const { digest } = question
    const running = lookups.get(digest)
    if (running !== undefined) {
      observe('lookup-joined')
      return running
    }
    if (lookups.size >= limits.maxLookups) {
      observe('lookup-refused')
      throw new GatewayError('AUTHENTICATION_UNAVAILABLE')
    }
    const retryAfterS = address === undefined ? 0 : (budget?.waitS(address) ?? 0)
    if (retryAfterS > 0) {
      observe('lookup-limited')
      throw new GatewayError('RATE_LIMIT_EXCEEDED', { retryAfterS })
    }
    const lookup = find(question)
      .then((found) => {
        if (found === undefined && address !== undefined) budget?.failed(address)
        return found
      })
      .finally(() => lookups.delete(digest))
    lookups.set(digest, lookup)
    return lookup
  }

  async function find(question: Question): Promise<Resolution> {
    const asked = { position: feed.position() ?? 0, generation: ledger.generation() }
    const remembered = await askRedis(question)
    if (remembered?.standing === 'current') return settle(remembered, question, asked)
    // Twice, because the credential may change while the first answer is on its way.
    for (let attempt = 1; attempt <= 2; attempt++) {
      const judged = await askCore(question)
      if (judged.standing !== 'outdated') return settle(judged, question, asked)
      observe('answer-outdated')
    }
    throw outdated()
  }

  async function settle(
    { answer, standing, isUnknown }: Judged,
    { within, secret }: Question,
    asked: { position: number; generation: number },
  ): Promise<Resolution> {
    if (!isUnknown || foreign === undefined || within?.authentication === undefined || secret === undefined)
      return standing === 'current' ? keep(answer) : answer.proof
    const user = await foreign.prove(secret, within)
    // The app's settings were true when this began, and not of the core's answer only.
    const position = Math.min(answer.position, asked.position)
    const proof = user && toForeignProof(user, answer.digest, within)
    const proven: Answer = { ...answer, position, generation: asked.generation, proof }
    const stands = ledger.judge(proven)
    if (stands === 'current') return keep(proven, user?.cacheMs)
    if (stands === 'unsure') return proof
    observe('answer-outdated')
    throw outdated()
  }

  async function askRedis(question: Question): Promise<Judged | undefined> {
    const known = feed.position()
    if (redis === undefined || known === undefined || feed.state() === 'stale') return undefined
    const generation = ledger.generation()
    const found = await redis.find(question.kind, question.digest, known)
    if (found === undefined || !isWithin(found, question.within)) return undefined
    return judge(found, question, generation)
  }

  async function askCore(question: Question): Promise<Judged> {
    if (steadyClock() < pausedUntilMs) {
      observe('introspection-paused')
      throw new GatewayError('AUTHENTICATION_UNAVAILABLE')
    }
    const generation = ledger.generation()
    try {
      const found = await introspect(question.kind, question.digest)
      if (!isWithin(found, question.within))
        throw new Error('the user store answered with a token of another app')
      failures = 0
      observe(found.active ? 'introspection-active' : 'introspection-inactive')
      return judge(found, question, generation)
    } catch (cause) {
      observe('introspection-failed')
      pausedUntilMs =
        steadyClock() + Math.min(limits.maxPauseMs, FIRST_PAUSE_MS * 2 ** Math.min(failures, 10))
      failures += 1
      throw new GatewayError('AUTHENTICATION_UNAVAILABLE', { cause })
    }
  }

  /** @param generation The ledger's when it was asked. */
  function judge(found: Introspection, { kind, within, digest }: Question, generation: number): Judged {
    const expired = found.active && (found.grant.expiresAtMs ?? Infinity) <= clock()
    const proof = found.active && !expired ? toProof(found.grant, digest, within) : undefined
    const answer: Answer = { kind, digest, position: found.position, generation, app: within?.app, proof }
    return { answer, standing: ledger.judge(answer), isUnknown: !found.active && found.unknown === true }
  }

  /** Nothing is added while the feed is stale: it could not be served anyway. */
  function keep({ kind, digest, proof }: Answer, ttlMs?: number): Resolution {
    if (proof !== undefined && kind === 'client-key') keyOfApp.set(proof.app, digest)
    if (feed.state() === 'stale') return proof
    if (proof === undefined) cache.putRefusal(digest)
    else cache.putProof(proof, ttlMs)
    return proof
  }

  return {
    resolve(kind, within, secret, address) {
      if (isOverlong(secret)) return undefined
      const known = recent.find(kind, within?.app, secret)
      if (known !== undefined) return judgeCached(known)
      const digest = credentialDigest(kind, within === undefined ? '' : within.app, secret)
      const found = resolveDigest(
        { kind, within, digest, secret: kind === 'client-token' ? secret : undefined },
        address,
      )
      if (found !== undefined && !(found instanceof Promise)) recent.add(secret, found)
      return found
    },

    resolveApp(app) {
      const digest = keyOfApp.get(app)
      return digest === undefined
        ? resolveDigest(appQuestion('default-app', credentialDigest('default-app', '', '')))
        : resolveDigest(appQuestion('client-key', digest))
    },
  }
}

const appQuestion = (kind: CredentialKind, digest: string): Question => ({
  kind,
  within: undefined,
  digest,
  secret: undefined,
})

const isWithin = (found: Introspection, within: AppSettings | undefined): boolean =>
  !found.active || within === undefined || found.grant.app === within.app

function toProof(grant: Grant, credentialId: string, within: AppSettings | undefined): Proof {
  const { app, expiresAtMs } = grant
  const common = {
    app,
    credentialId,
    expiresAtMs,
    cachedUntilMs: 0,
    signature: undefined,
    rateWindow: undefined,
  }
  switch (grant.kind) {
    case 'client-token':
      if (within === undefined) throw new Error('a client token is looked up within an app')
      return { kind: 'client', settings: within, userId: grant.userId, ...common }
    case 'platform-key':
      return { kind: 'platform', settings: grant.settings, userId: undefined, ...common }
    case 'client-key':
    case 'default-app':
      return { kind: 'client-key', settings: grant.settings, userId: undefined, ...common }
  }
}

function toForeignProof(
  { userId, expiresAtMs }: VouchedUser,
  credentialId: string,
  settings: AppSettings,
): Proof {
  return {
    kind: 'client',
    app: settings.app,
    settings,
    userId,
    credentialId,
    expiresAtMs,
    cachedUntilMs: 0,
    signature: undefined,
    rateWindow: undefined,
  }
}

const outdated = (): GatewayError =>
  new GatewayError('AUTHENTICATION_UNAVAILABLE', {
    cause: new Error('the answer is from before a known change of the credential'),
  })

/** Counting bytes only where the number of characters leaves it open. */
const isOverlong = (secret: string): boolean =>
  secret.length * 3 > MAX_CREDENTIAL_BYTES && Buffer.byteLength(secret) > MAX_CREDENTIAL_BYTES

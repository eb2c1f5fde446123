import fc from 'fast-check'
import t from 'tap'
import { credentialDigest } from '#contract/credential.ts'
import { createChangeLedger } from '../../../gateway/authn/change-ledger.ts'
import { createCredentialStore, type Resolution } from '../../../gateway/authn/credential-store.ts'
import { createOutcomeCache } from '../../../gateway/authn/outcome-cache.ts'
import { createUserStore, settingsOf } from './core-stand-in.ts'

/*
 * Random histories of a user store, of the feed that carries them (late), and of lookups whose answers arrive
 * late and in any order. Whatever is answered must have been true at some moment between what the gateway knew
 * when it was asked and what was so when it answered; and once everything has arrived, it must be the truth.
 */
const APPS = ['shop', 'bank'] as const
const TOKENS = ['red', 'green'] as const
const USERS = ['ada', 'bob'] as const

const app = fc.constantFrom(...APPS)
const token = fc.constantFrom(...TOKENS)
const user = fc.constantFrom(...USERS)
const step = fc.oneof(
  { weight: 3, arbitrary: fc.record({ do: fc.constant('bind' as const), app, token, user }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('revoke' as const), app, token }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('revoke-user' as const), app, user }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('change-app' as const), app }) },
  {
    weight: 5,
    arbitrary: fc.record({ do: fc.constant('feed' as const), count: fc.integer({ min: 1, max: 3 }) }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('reset' as const) }) },
  { weight: 8, arbitrary: fc.record({ do: fc.constant('look-up' as const), app, token }) },
  { weight: 8, arbitrary: fc.record({ do: fc.constant('answer' as const), which: fc.nat(20) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('fail' as const), which: fc.nat(20) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('wait' as const), ms: fc.constantFrom(300, 20_000) }) },
)
type Step = typeof step extends fc.Arbitrary<infer S> ? S : never

async function settle(): Promise<void> {
  for (let i = 0; i < 20; i++) await Promise.resolve()
}

/** @param subjects What the ledger can remember; small, so that forgetting is tried too. */
async function run(steps: readonly Step[], subjects: number): Promise<void> {
  const users = createUserStore()
  for (const name of APPS) users.addApp(name)
  let nowMs = 0
  let position = users.position()
  const cache = createOutcomeCache(() => nowMs)
  const ledger = createChangeLedger(cache, subjects)
  ledger.reset(position)
  const pending: { digest: string; answer(): void; fail(): void }[] = []
  const store = createCredentialStore({
    cache,
    ledger,
    feed: { position: () => position, state: () => 'current' },
    redis: undefined,
    introspect: (kind, digest) => {
      if (pending.some((question) => question.digest === digest)) throw new Error('asked twice at once')
      const snapshot = users.introspect(kind, digest)
      return new Promise((resolve, reject) => {
        pending.push({ digest, answer: () => resolve(snapshot), fail: () => reject(new Error('down')) })
      })
    },
    clock: () => nowMs,
    observe: () => {},
  })
  /** Whom each token proved at each position. */
  const history: Map<string, string | undefined>[] = []
  const note = () => {
    const now = new Map<string, string | undefined>()
    for (const inApp of APPS)
      for (const secret of TOKENS) {
        const digest = credentialDigest('client-token', inApp, secret)
        const found = users.introspect('client-token', digest)
        const grant = found.active ? found.grant : undefined
        now.set(digest, grant?.kind === 'client-token' ? `${grant.app}/${grant.userId}` : undefined)
      }
    history[users.position()] = now
  }
  note()
  const problems: string[] = []

  function check(digest: string, knownAt: number, found: Resolution): void {
    const answered = found && `${found.app}/${found.userId}`
    const possible = history.slice(knownAt, users.position() + 1).map((truth) => truth.get(digest))
    if (!possible.includes(answered))
      problems.push(`answered ${answered}, where only ${possible} was ever true`)
  }

  function lookUp(inApp: string, secret: string): void {
    const digest = credentialDigest('client-token', inApp, secret)
    const knownAt = position
    const found = store.resolve('client-token', settingsOf(inApp), secret)
    if (!(found instanceof Promise)) check(digest, knownAt, found)
    else
      found.then(
        (late) => check(digest, knownAt, late),
        () => {},
      )
  }

  function follow(count: number): void {
    for (const change of users.changesAfter(position).slice(0, count)) {
      ledger.apply(change)
      position = change.position
    }
  }

  for (const next of steps) {
    switch (next.do) {
      case 'bind':
        users.bind(next.app, next.token, next.user)
        note()
        break
      case 'revoke':
        users.revokeToken(next.app, next.token)
        note()
        break
      case 'revoke-user':
        users.revokeUser(next.app, next.user)
        note()
        break
      case 'change-app':
        users.changeSettings(next.app, {})
        note()
        break
      case 'feed':
        follow(next.count)
        break
      case 'reset':
        position = users.position()
        ledger.reset(position)
        break
      case 'look-up':
        lookUp(next.app, next.token)
        break
      case 'answer':
        pending.splice(next.which % (pending.length || 1), 1)[0]?.answer()
        break
      case 'fail':
        pending.splice(next.which % (pending.length || 1), 1)[0]?.fail()
        break
      case 'wait':
        nowMs += next.ms
        break
    }
    await settle()
  }

  follow(Infinity)
  while (pending.length > 0) {
    pending.shift()?.answer()
    await settle()
  }
  nowMs += 300
  for (const inApp of APPS)
    for (const secret of TOKENS) {
      lookUp(inApp, secret)
      await settle()
      pending.shift()?.answer()
      await settle()
      lookUp(inApp, secret)
    }
  if (problems.length > 0) throw new Error(problems.join('\n'))
}

t.test('whatever is answered was true, and in the end everything answered is true', async (t) => {
  const history = fc.array(step, { minLength: 5, maxLength: 60 })
  const subjects = fc.constantFrom(1, 3, 1_000)
  await fc.assert(fc.asyncProperty(history, subjects, run), { numRuns: 150 })
  t.pass('no history contradicts the model')
})

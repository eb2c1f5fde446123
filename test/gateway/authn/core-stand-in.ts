import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { credentialDigest } from '#contract/credential.ts'
import type {
  AppSettings,
  CredentialChange,
  Grant,
  Introspection,
  Provision,
  ProvisionRequest,
} from '#contract/internal.ts'

/** A user store small enough to see through: what is granted, and the feed of how that changed. */
export type UserStore = ReturnType<typeof createUserStore>

type Change = CredentialChange extends infer C ? (C extends unknown ? Omit<C, 'position'> : never) : never

export const settingsOf = (app: string, more: Partial<AppSettings> = {}): AppSettings => ({
  app,
  origins: ['*'],
  allowPlatformKeyFromBrowser: false,
  platformSources: [],
  ...more,
})

export function createUserStore() {
  const grants = new Map<string, Grant>()
  const settings = new Map<string, AppSettings>()
  const changes: CredentialChange[] = []
  /** Of client tokens that were rows once. */
  const ended = new Set<string>()
  const provisioned: ProvisionRequest[] = []
  const disabled = new Set<string>()
  let firstPosition = 0

  const position = () => firstPosition + changes.length

  function record(change: Change): number {
    changes.push({ ...change, position: position() + 1 })
    return position()
  }

  function grant(app: string, digest: string, what: Grant): number {
    grants.set(digest, what)
    return record({ app, subject: 'credential', effect: 'granted', credentialId: digest })
  }

  function settingsFor(app: string): AppSettings {
    const known = settings.get(app)
    if (known === undefined) throw new Error(`no app ${app}`)
    return known
  }

  return {
    position,
    addApp(app: string, more: Partial<AppSettings> = {}): number {
      settings.set(app, settingsOf(app, more))
      return record({ app, subject: 'app', effect: 'changed' })
    },
    addKey(kind: 'client-key' | 'platform-key', app: string, secret: string, expiresAtMs?: number): number {
      const digest = credentialDigest(kind, '', secret)
      return grant(app, digest, { kind, app, settings: settingsFor(app), expiresAtMs })
    },
    bind(app: string, token: string, userId: string, expiresAtMs?: number): number {
      const digest = credentialDigest('client-token', app, token)
      return grant(app, digest, { kind: 'client-token', app, userId, expiresAtMs })
    },
    revoke(app: string, digest: string): number {
      grants.delete(digest)
      ended.add(digest)
      return record({ app, subject: 'credential', effect: 'revoked', credentialId: digest })
    },
    revokeToken(app: string, token: string): number {
      return this.revoke(app, credentialDigest('client-token', app, token))
    },
    revokeUser(app: string, userId: string): number {
      for (const [digest, held] of grants)
        if (held.kind === 'client-token' && held.app === app && held.userId === userId) {
          grants.delete(digest)
          ended.add(digest)
        }
      return record({ app, subject: 'user', effect: 'revoked', userId })
    },
    changeSettings(app: string, more: Partial<AppSettings>): number {
      const changed = { ...settingsFor(app), ...more }
      settings.set(app, changed)
      for (const held of grants.values()) if ('settings' in held && held.app === app) held.settings = changed
      return record({ app, subject: 'app', effect: 'changed' })
    },
    /** Every user that was provisioned, in order. */
    provisioned,
    disable(app: string, userId: string): number {
      disabled.add(`${app} ${userId}`)
      return this.revokeUser(app, userId)
    },
    enable(app: string, userId: string): void {
      disabled.delete(`${app} ${userId}`)
    },
    provision(request: ProvisionRequest): Provision {
      provisioned.push(request)
      return { position: position(), allowed: !disabled.has(`${request.app} ${request.userId}`) }
    },
    introspect(kind: string, digest: string): Introspection {
      if (kind === 'default-app') {
        const [only, ...others] = settings.values()
        if (only === undefined || others.length > 0) return { active: false, position: position() }
        const granted: Grant = { kind, app: only.app, settings: only, expiresAtMs: undefined }
        return { active: true, position: position(), grant: granted }
      }
      const held = grants.get(digest)
      const unknown = kind === 'client-token' && !ended.has(digest) && { unknown: true as const }
      return held === undefined || held.kind !== kind
        ? { active: false, position: position(), ...unknown }
        : { active: true, position: position(), grant: structuredClone(held) }
    },
    changesAfter: (after: number) => changes.slice(after - firstPosition),
    /** Changes so far can no longer be had. */
    forgetChanges(): void {
      firstPosition += changes.length
      changes.length = 0
    },
    canContinue: (after: number) => after >= firstPosition && after <= position(),
  }
}

type Answer = { status?: number; body?: unknown; raw?: string }

export type CoreStandIn = Awaited<ReturnType<typeof startCoreStandIn>>

/** The core's internal API over real HTTP, with everything that can go wrong at hand. */
export async function startCoreStandIn(
  t: { teardown(end: () => unknown): unknown },
  store: UserStore = createUserStore(),
) {
  const introspections: { kind: string; digest: string }[] = []
  const polls = new Set<() => void>()
  let pollCount = 0
  let feedHeld = false

  const core = {
    store,
    url: '',
    introspections,
    /** Replaces the next answers; undefined = the true one. */
    introspection: undefined as
      | ((request: { kind: string; digest: string }) => Answer | undefined)
      | undefined,
    /** Replaces the next answers to provisioning. */
    provisioning: undefined as (() => Answer | undefined) | undefined,
    feed: undefined as ((after: number) => Answer | undefined) | undefined,
    /** Awaited after the store was read and before the answer is sent: a late answer. */
    beforeAnswer: undefined as ((request: { kind: string; digest: string }) => Promise<void>) | undefined,
    asked: (kind: string) => introspections.filter((request) => request.kind === kind).length,
    pollCount: () => pollCount,
    /** Sends what polls wait for. */
    push: () => {
      for (const poll of [...polls]) poll()
    },
    /** From now on no poll is answered. */
    holdFeed: () => {
      feedHeld = true
    },
    releaseFeed: () => {
      feedHeld = false
      core.push()
    },
    cutConnections: () => server.closeAllConnections(),
    stop: async () => {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
    restart: async () => {
      server.listen(port, '127.0.0.1')
      await once(server, 'listening')
    },
  }

  const server = createServer((request, response) => {
    if (request.url === '/provision') void provision(request, response)
    else void (request.method === 'POST' ? introspect(request, response) : changes(request, response))
  })

  async function introspect(request: IncomingMessage, response: ServerResponse): Promise<void> {
    let text = ''
    for await (const chunk of request) text += chunk
    const asked = JSON.parse(text)
    introspections.push(asked)
    const answer = core.introspection?.(asked) ?? { body: store.introspect(asked.kind, asked.digest) }
    const serialised = { ...answer, raw: answer.raw ?? JSON.stringify(answer.body) }
    await core.beforeAnswer?.(asked)
    send(response, serialised)
  }

  async function provision(request: IncomingMessage, response: ServerResponse): Promise<void> {
    let text = ''
    for await (const chunk of request) text += chunk
    send(response, core.provisioning?.() ?? { body: store.provision(JSON.parse(text)) })
  }

  async function changes(request: IncomingMessage, response: ServerResponse): Promise<void> {
    pollCount += 1
    const query = new URL(request.url ?? '', 'http://core').searchParams
    const after = Number(query.get('after'))
    const answerNow = () => {
      if (feedHeld) return false
      const wrong = core.feed?.(after)
      if (wrong !== undefined) return send(response, wrong)
      const position = store.position()
      if (!store.canContinue(after)) return send(response, { body: { position, changes: [], reset: true } })
      const news = store.changesAfter(after)
      return news.length > 0 && send(response, { body: { position, changes: news, reset: false } })
    }
    if (answerNow()) return
    const ended = Promise.withResolvers<void>()
    const timer = setTimeout(
      () => {
        if (feedHeld) return
        send(response, { body: { position: after, changes: [], reset: false } })
        ended.resolve()
      },
      Number(query.get('waitMs')),
    )
    const look = () => {
      if (answerNow()) ended.resolve()
    }
    polls.add(look)
    response.once('close', () => ended.resolve())
    await ended.promise
    clearTimeout(timer)
    polls.delete(look)
  }

  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  core.url = `http://127.0.0.1:${port}`
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  return core
}

function send(response: ServerResponse, { status = 200, body, raw }: Answer): true {
  if (!response.headersSent && !response.destroyed) {
    response.writeHead(status, { 'content-type': 'application/json' })
    response.end(raw ?? JSON.stringify(body))
  }
  return true
}

import { setTimeout as delay } from 'node:timers/promises'
import type { ErrorCode } from '../errors.ts'
import { type Bearer, Bearers } from './bearers.ts'
import type { CloseReason } from './close-reason.ts'
import type { NamedIdentity } from './exchange.ts'
import type { TunnelLimits } from './limits.ts'
import type { PollingSessions } from './polling-sessions.ts'
import { Revocations } from './revocations.ts'

/** A tunnel, from its upgrade's arrival to the end of both its connections. `identity` is the registry's to set. */
export type Live = Bearer & {
  readonly address: string
  readonly sinceMs: number
  /** Of a session that began by long-polling and upgrades. */
  readonly sid?: string | undefined
  close(reason: CloseReason): void
  /** Looks at the tunnel's own times. */
  sweep(nowMs: number): void
}

export type Registry = {
  /** Takes a tunnel in, or says why not. */
  add(live: Live, identity: NamedIdentity | undefined): ErrorCode | undefined
  /** The tunnel goes on as another object. */
  replace(before: Live, after: Live): void
  /** An authentication inside the tunnel: it lives by the last one's credential from now on. */
  bind(live: Live, identity: NamedIdentity): void
  /** The same, by long-polling beside the tunnel: a client does both while it upgrades. */
  bindSession(sid: string, identity: NamedIdentity): void
  remove(live: Live): void
  revocations: Revocations
  /** What lives by it is closed when it ends now, sooner or later than was said. */
  renewCredential(credentialId: string, expiresAtMs: number | null): void
  closeCredential(credentialId: string): void
  closeUser(app: string, userId: string): void
  /** What an app's tunnels rest on has changed: they begin anew, spread over the window. */
  closeApp(app: string, options?: { windowMs?: number }): Promise<void>
  /** What all tunnels rest on is in doubt: they begin anew, spread over the window. */
  closeEvery(options: { windowMs: number }): Promise<void>
  /** Takes no more tunnels, and closes all, spread over the window. */
  closeAll(options: { windowMs: number }): Promise<void>
  counts(): { identified: number; anonymous: number }
  /** Called by the registry itself every `sweepIntervalMs`: one timer for all tunnels. */
  sweep(): void
  close(): void
}

export type RegistryParts = {
  clock: () => number
  steadyClock?: () => number
  limits: TunnelLimits
  sessions: PollingSessions
}

const SPREAD_STEPS_PER_S = 20

export function createRegistry({ clock, steadyClock = clock, limits, sessions }: RegistryParts): Registry {
  const lives = new Set<Live>()
  const bearers = new Bearers<Live>()
  const bySid = new Map<string, Live>()
  const anonymousAt = new Map<string, number>()
  const revocations = new Revocations(steadyClock)
  let anonymous = 0
  let isDraining = false

  function countAnonymous(address: string, change: 1 | -1): void {
    const count = (anonymousAt.get(address) ?? 0) + change
    anonymous += change
    if (count > 0) anonymousAt.set(address, count)
    else anonymousAt.delete(address)
  }

  function bind(live: Live, identity: NamedIdentity | undefined): void {
    if (!lives.has(live)) return
    if (live.identity === undefined) countAnonymous(live.address, -1)
    bearers.bind(live, identity)
    if (identity === undefined) countAnonymous(live.address, 1)
  }

  function take(live: Live, identity: NamedIdentity | undefined): void {
    lives.add(live)
    if (live.sid !== undefined) bySid.set(live.sid, live)
    countAnonymous(live.address, 1)
    if (identity !== undefined) bind(live, identity)
  }

  function remove(live: Live): void {
    if (!lives.has(live)) return
    bind(live, undefined)
    countAnonymous(live.address, -1)
    lives.delete(live)
    if (live.sid !== undefined && bySid.get(live.sid) === live) bySid.delete(live.sid)
  }

  /** All at once would bring all back at once. */
  async function closeSpread(closing: Live[], reason: CloseReason, windowMs: number): Promise<void> {
    const steps = Math.max(1, Math.ceil((windowMs / 1_000) * SPREAD_STEPS_PER_S))
    for (let step = 0, done = 0; step < steps && done < closing.length; step++) {
      const due = Math.ceil((closing.length * (step + 1)) / steps)
      for (const live of closing.slice(done, due)) live.close(reason)
      done = due
      if (done < closing.length) await delay(windowMs / steps)
    }
  }

  function sweep(): void {
    const nowMs = clock()
    for (const live of lives) {
      const { identity } = live
      if (identity === undefined) {
        // Whoever upgrades may have authenticated through another gateway; the core knows, and limits it too.
        if (live.sid === undefined && nowMs - live.sinceMs >= limits.anonymousMs)
          live.close('anonymous-too-long')
      } else if (identity.expiresAtMs !== undefined && identity.expiresAtMs <= nowMs) live.close('expired')
      live.sweep(nowMs)
    }
  }

  const timer = setInterval(sweep, limits.sweepIntervalMs).unref()

  return {
    revocations,
    add(live, identity) {
      if (isDraining) return 'DRAINING'
      const others = anonymousAt.get(live.address) ?? 0
      if (identity === undefined && others >= limits.anonymousPerAddress) return 'TOO_MANY_SOCKETS'
      take(live, identity)
      return undefined
    },
    replace(before, after) {
      const { identity } = before
      remove(before)
      take(after, identity)
    },
    bind,
    bindSession(sid, identity) {
      const live = bySid.get(sid)
      if (live !== undefined) bind(live, identity)
    },
    remove,
    renewCredential(credentialId, expiresAtMs) {
      bearers.renew(credentialId, expiresAtMs)
      sessions.renewCredential(credentialId, expiresAtMs)
    },
    closeCredential(credentialId) {
      revocations.markCredential(credentialId)
      sessions.revokeCredential(credentialId)
      for (const live of bearers.ofCredential(credentialId)) live.close('revoked')
    },
    closeUser(app, userId) {
      revocations.markUser(app, userId)
      sessions.revokeUser(app, userId)
      for (const live of bearers.ofUser(app, userId)) live.close('revoked')
    },
    closeApp(app, { windowMs = 0 } = {}) {
      revocations.markApp(app)
      sessions.revokeApp(app)
      return closeSpread(bearers.ofApp(app), 'app-changed', windowMs)
    },
    closeEvery({ windowMs }) {
      revocations.markAll()
      sessions.revokeAll()
      return closeSpread([...lives], 'app-changed', windowMs)
    },
    closeAll({ windowMs }) {
      isDraining = true
      return closeSpread([...lives], 'draining', windowMs)
    },
    counts: () => ({ identified: lives.size - anonymous, anonymous }),
    sweep,
    close() {
      clearInterval(timer)
    },
  }
}

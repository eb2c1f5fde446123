import type { NamedIdentity } from './exchange.ts'
import { Groups } from './groups.ts'

/** Something that lives by a credential: a tunnel, or a long-polling session. */
export type Bearer = { identity: NamedIdentity | undefined }

/** Finds bearers by what ends them: a credential, a user, an app. */
export class Bearers<T extends Bearer> {
  readonly #byCredential = new Groups<T>()
  readonly #byUser = new Groups<T>()
  readonly #byApp = new Groups<T>()

  /** Binds, or moves, a bearer to an identity; undefined unbinds. */
  bind(bearer: T, identity: NamedIdentity | undefined): void {
    const before = bearer.identity
    if (before !== undefined) {
      this.#byCredential.delete(before.credentialId, bearer)
      this.#byUser.delete(userKey(before.app, before.userId), bearer)
      this.#byApp.delete(before.app, bearer)
    }
    bearer.identity = identity
    if (identity === undefined) return
    this.#byCredential.add(identity.credentialId, bearer)
    this.#byUser.add(userKey(identity.app, identity.userId), bearer)
    this.#byApp.add(identity.app, bearer)
  }

  /** A credential's bearers end with it, at another time than was said. */
  renew(credentialId: string, expiresAtMs: number | null): void {
    for (const bearer of this.ofCredential(credentialId))
      if (bearer.identity !== undefined)
        bearer.identity = { ...bearer.identity, expiresAtMs: expiresAtMs ?? undefined }
  }

  ofCredential(credentialId: string): T[] {
    return this.#byCredential.members(credentialId)
  }

  /** Only those whose own credential is the user's: a platform key that acts for the user stays. */
  ofUser(app: string, userId: string): T[] {
    return this.#byUser.members(userKey(app, userId)).filter((bearer) => bearer.identity?.kind === 'client')
  }

  ofApp(app: string): T[] {
    return this.#byApp.members(app)
  }
}

/** An app's id has no NUL, so the key can be read one way only. */
export const userKey = (app: string, userId: string | undefined): string => `${app}\0${userId ?? ''}`

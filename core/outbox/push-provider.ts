import type { PushNote, SubscriptionType } from '../store/push.ts'

/** `gone`: there is no such device any more. `refused`: asking again would not help. */
export type PushOutcome = 'sent' | 'gone' | 'refused'

/** A service that brings pushes to devices. A bad token is an outcome; a service that fails is an exception. */
export type PushProvider = {
  types: readonly SubscriptionType[]
  send(
    target: { type: SubscriptionType; token: string },
    note: PushNote,
    signal: AbortSignal,
  ): Promise<PushOutcome>
  close(): void
}

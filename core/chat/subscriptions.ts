/** Which devices get a user's pushes. */
import { CoreError } from '../errors.ts'
import {
  deleteSubscriptions,
  putSubscription,
  type Subscription,
  type SubscriptionSelection,
  type SubscriptionType,
} from '../store/push.ts'
import { ensureUsers } from '../store/users.ts'
import { type Actor, actingUser, type ChatContext, now } from './context.ts'

type Named = { type: SubscriptionType; deviceId?: string | undefined; clientId?: string | undefined }

export async function subscribe(
  ctx: ChatContext,
  actor: Actor,
  input: Named & { token: string },
): Promise<Subscription> {
  const { app } = actor
  const userId = subscriber(actor, input.clientId)
  const at = now(ctx)
  const deviceId = input.deviceId ?? actor.deviceId ?? null
  const subscription = { id: ctx.newId(), type: input.type, token: input.token, userId, deviceId }
  await ensureUsers(ctx.db, app, [userId], at)
  return ctx.db.transaction((tx) => putSubscription(tx, app, subscription, at))
}

/** By its token where there is one, else by its device. @returns how many there were */
export async function unsubscribe(
  ctx: ChatContext,
  actor: Actor,
  input: Named & { token?: string | undefined },
): Promise<number> {
  const { type, token } = input
  const deviceId = token === undefined ? (input.deviceId ?? actor.deviceId) : undefined
  if (token === undefined && deviceId === undefined)
    throw new CoreError('MISSING_PARAMETER', 'token or deviceId is needed.')
  const userId = subscriber(actor, input.clientId)
  return deleteSubscriptions(ctx.db, actor.app, userId, { type, token, deviceId })
}

/** Of a device that was logged out, or of all others. A client that names no device keeps its subscriptions. */
export async function unsubscribeDevices(
  ctx: ChatContext,
  actor: Actor,
  which: 'this' | 'others',
): Promise<void> {
  const { deviceId } = actor
  if (which === 'this' && deviceId === undefined) return
  const selection: SubscriptionSelection = which === 'this' ? { deviceId } : { exceptDeviceId: deviceId }
  await deleteSubscriptions(ctx.db, actor.app, actingUser(actor), selection)
}

/** A customer's server may name whom it speaks for. */
const subscriber = (actor: Actor, clientId: string | undefined): string =>
  actor.kind === 'platform' && clientId !== undefined ? clientId : actingUser(actor)

import { Type } from 'typebox'
import { now } from '../../chat/context.ts'
import { subscribe, unsubscribe } from '../../chat/subscriptions.ts'
import { customNote } from '../../outbox/push-content.ts'
import { addPushJobs, SUBSCRIPTION_TYPES, type Subscription } from '../../store/push.ts'
import { type Route, route } from '../route.ts'
import { Ids, maybe, object } from '../schemas.ts'

const MAX_TOKENS = 5_000
const PushToken = Type.String({ minLength: 1, maxLength: 4_096 })
const SubscriptionType = Type.Union(SUBSCRIPTION_TYPES.map((type) => Type.Literal(type)))
const Payload = Type.Record(Type.String(), Type.Unknown())

/** Clients send empty texts and nulls for what they do not have. */
const OptionalId = maybe(Type.String({ maxLength: 256 }))

export const pushRoutes: Route[] = [
  route('POST /me/subscribe', {
    caller: 'any',
    body: object({ type: SubscriptionType, token: PushToken, deviceId: OptionalId, clientId: OptionalId }),
    answer: async ({ chat, actor, body }) =>
      presentSubscription(
        await subscribe(chat, actor, {
          type: body.type,
          token: body.token,
          deviceId: body.deviceId || undefined,
          clientId: body.clientId || undefined,
        }),
      ),
  }),

  route('POST /me/unsubscribe', {
    caller: 'any',
    body: object({
      type: SubscriptionType,
      token: maybe(Type.String({ maxLength: 4_096 })),
      deviceId: OptionalId,
      clientId: OptionalId,
    }),
    answer: async ({ chat, actor, body }) => {
      const n = await unsubscribe(chat, actor, {
        type: body.type,
        token: body.token || undefined,
        deviceId: body.deviceId || undefined,
        clientId: body.clientId || undefined,
      })
      return { n, ok: 1 }
    },
  }),

  route('POST /push/push2clients', {
    caller: 'platform',
    body: object({ clients: Ids, payload: Payload }),
    answer: async ({ chat, actor, body }) => {
      const work = { kind: 'users' as const, userIds: body.clients, note: customNote(body.payload) }
      await addPushJobs(chat.db, [{ app: actor.app, work }], now(chat), now(chat))
      return {}
    },
  }),

  route('POST /push/push2tokens', {
    caller: 'platform',
    body: object({
      type: SubscriptionType,
      tokens: Type.Array(PushToken, { maxItems: MAX_TOKENS }),
      payload: Payload,
    }),
    answer: async ({ chat, actor, body }) => {
      const { type, tokens } = body
      const work = { kind: 'tokens' as const, type, tokens, note: customNote(body.payload) }
      await addPushJobs(chat.db, [{ app: actor.app, work }], now(chat), now(chat))
      return null
    },
  }),
]

const presentSubscription = ({ id, type, userId, token, deviceId }: Subscription) => ({
  _id: id,
  id,
  type,
  client: userId,
  token,
  deviceId,
})

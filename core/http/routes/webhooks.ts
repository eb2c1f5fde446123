import { Type } from 'typebox'
import { CoreError } from '../../errors.ts'
import {
  createWebhookSecret,
  deadLetters,
  endWebhookSecret,
  replayDeadLetters,
  type WebhookSecret,
  waitingDeliveries,
  webhookSecrets,
} from '../../outbox/webhook-admin.ts'
import type { DeadLetter, WaitingDelivery } from '../../store/webhooks.ts'
import { type Route, route } from '../route.ts'
import { Limit, object } from '../schemas.ts'

const MAX_PAGE = 500
const DEFAULT_PAGE = 50

export const webhookRoutes: Route[] = [
  route('GET /admin/webhooks/deliveries', {
    caller: 'platform',
    query: object({ after: Type.Optional(Type.String()), limit: Limit }),
    answer: async ({ chat, actor, query }) => {
      const deliveries = await waitingDeliveries(chat, actor, {
        after: query.after ? parseId(query.after) : 0,
        limit: Math.min(query.limit || DEFAULT_PAGE, MAX_PAGE),
      })
      return { data: deliveries.map(presentDelivery) }
    },
  }),

  route('GET /admin/webhooks/dead-letters', {
    caller: 'platform',
    query: object({ before: Type.Optional(Type.String()), limit: Limit }),
    answer: async ({ chat, actor, query }) => {
      const before = query.before ? parseId(query.before) : undefined
      const letters = await deadLetters(chat, actor, {
        before,
        limit: Math.min(query.limit || DEFAULT_PAGE, MAX_PAGE),
      })
      return { data: letters.map(presentDeadLetter) }
    },
  }),

  route('POST /admin/webhooks/dead-letters/replay', {
    caller: 'platform',
    answer: async ({ chat, actor }) => ({ n: await replayDeadLetters(chat, actor, undefined) }),
  }),

  route('POST /admin/webhooks/dead-letters/:id/replay', {
    caller: 'platform',
    answer: async ({ chat, actor, params }) => ({
      n: await replayDeadLetters(chat, actor, parseId(params.id)),
    }),
  }),

  route('GET /admin/webhooks/secrets', {
    caller: 'platform',
    answer: async ({ chat, actor }) => ({ data: (await webhookSecrets(chat, actor)).map(presentSecret) }),
  }),

  route('POST /admin/webhooks/secrets', {
    caller: 'platform',
    answer: async ({ chat, credentials, actor }) => {
      const made = await createWebhookSecret(chat, actor, credentials.jwtSecret)
      return { ...presentSecret(made), secret: made.secret }
    },
  }),

  route('DELETE /admin/webhooks/secrets/:id', {
    caller: 'platform',
    answer: async ({ chat, actor, params }) => {
      await endWebhookSecret(chat, actor, params.id)
      return {}
    },
  }),
]

function parseId(text: string): number {
  const id = Number(text)
  if (!/^\d{1,15}$/.test(text)) throw new CoreError('NOT_FOUND', 'There is no such dead letter.')
  return id
}

const presentDelivery = (delivery: WaitingDelivery) => ({
  _id: String(delivery.id),
  id: String(delivery.id),
  eventID: delivery.eventId,
  event: delivery.event,
  room: delivery.roomId,
  target: delivery.target,
  attempts: delivery.attempts,
  reason: delivery.lastReason,
  createdAt: delivery.createdAt.toISOString(),
})

const presentDeadLetter = (letter: DeadLetter) => ({
  ...presentDelivery(letter),
  deadAt: letter.deadAt.toISOString(),
  payload: JSON.parse(letter.body) as unknown,
})

const presentSecret = ({ id, createdAt }: WebhookSecret) => ({
  _id: id,
  id,
  createdAt: createdAt.toISOString(),
  createdAtMS: createdAt.getTime(),
})

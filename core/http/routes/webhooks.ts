import { Type } from 'typebox'
import { CoreError } from '../../errors.ts'
import {
  createWebhookSecret,
  deadLetters,
  endWebhookSecret,
  replayDeadLetters,
  type WebhookSecret,
  webhookSecrets,
} from '../../outbox/webhook-admin.ts'
import type { DeadLetter } from '../../store/webhooks.ts'
import { type Route, route } from '../route.ts'
import { Limit, object } from '../schemas.ts'

const MAX_PAGE = 500
const DEFAULT_PAGE = 50

export const webhookRoutes: Route[] = [
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

const presentDeadLetter = (letter: DeadLetter) => ({
  _id: String(letter.id),
  id: String(letter.id),
  eventID: letter.eventId,
  event: letter.event,
  room: letter.roomId,
  target: letter.target,
  attempts: letter.attempts,
  reason: letter.lastReason,
  createdAt: letter.createdAt.toISOString(),
  deadAt: letter.deadAt.toISOString(),
  payload: JSON.parse(letter.body) as unknown,
})

const presentSecret = ({ id, createdAt }: WebhookSecret) => ({
  _id: id,
  id,
  createdAt: createdAt.toISOString(),
  createdAtMS: createdAt.getTime(),
})

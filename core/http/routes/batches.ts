import { Type } from 'typebox'
import { listBatch, sendBatch } from '../../chat/batches.ts'
import { parseBatchBody } from '../../wire/batch-body.ts'
import { presentMessage } from '../../wire/present.ts'
import { type Route, route } from '../route.ts'
import { Id, object } from '../schemas.ts'

export const batchRoutes: Route[] = [
  // Back ends call it, and so do clients: for the rooms they are in, and for people.
  route('POST /messages/batch', {
    caller: 'any',
    body: Type.Record(Type.String(), Type.Unknown()),
    answer: async ({ chat, actor, body }) => {
      const batch = parseBatchBody(body)
      return { batchID: await sendBatch(chat, actor, batch), count: batch.parts.length }
    },
  }),

  route('GET /messages/batch', {
    caller: 'platform',
    query: object({ batchID: Id }),
    answer: async ({ chat, actor, query }) => {
      const messages = await listBatch(chat, actor, query.batchID)
      return { count: messages.length, data: messages.map(presentMessage) }
    },
  }),
]

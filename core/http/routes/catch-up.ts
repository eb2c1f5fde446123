import { Type } from 'typebox'
import { compareRooms, MAX_MISSED, readMissed } from '../../chat/catch-up.ts'
import { CoreError } from '../../errors.ts'
import { presentMessage } from '../../wire/present.ts'
import { type Route, route } from '../route.ts'
import { Limit, MAX_ID_LENGTH, object } from '../schemas.ts'

const MAX_ROOMS = 1_000

const Place = Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER })

export const catchUpRoutes: Route[] = [
  route('GET /rooms/:id/events', {
    caller: 'any',
    query: object({ after: Place, afterSeq: Type.Optional(Place), limit: Limit }),
    answer: async ({ chat, actor, params, query }) => {
      const missed = await readMissed(chat, actor, {
        roomId: params.id,
        after: query.after,
        afterSeq: query.afterSeq,
        limit: Math.min(query.limit || MAX_MISSED, MAX_MISSED),
      })
      if (missed.reset) return missed
      return {
        ...missed,
        messages: missed.messages.map(presentMessage),
        events: missed.events.map(({ evSeq, kind, messageId, at, message }) => ({
          evSeq,
          kind,
          messageID: messageId,
          at: at.toISOString(),
          atMS: at.getTime(),
          message: message === undefined ? null : presentMessage(message),
        })),
      }
    },
  }),

  route('POST /sync', {
    caller: 'any',
    body: object({ rooms: Type.Record(Type.String(), object({ seq: Place, evSeq: Place })) }),
    answer: async ({ chat, actor, body }) => {
      const known = new Map(Object.entries(body.rooms))
      if (known.size > MAX_ROOMS)
        throw new CoreError('INVALID_REQUEST', `No more than ${MAX_ROOMS} rooms can be asked for at once.`)
      if ([...known.keys()].some((id) => id.length > MAX_ID_LENGTH)) throw new CoreError('INVALID_REQUEST')
      const { rooms, goneIds } = await compareRooms(chat, actor, known)
      return {
        rooms: Object.fromEntries(rooms.map(({ roomId, ...place }) => [roomId, place])),
        gone: goneIds,
      }
    },
  }),
]

import { Type } from 'typebox'
import { listMembers } from '../../chat/list-members.ts'
import { setMemberProperty } from '../../chat/manage-room.ts'
import { addMembers, joinRoom, removeMembers } from '../../chat/membership.ts'
import { presentMembers, presentRoom } from '../../wire/present.ts'
import { type Route, route } from '../route.ts'
import { Flag, Ids, Limit, maybe, NewId, object } from '../schemas.ts'

const Says = { systemMessage: maybe(Flag) }
const Invites = { ...Says, invitationRequired: maybe(Flag) }

const MAX_PAGE = 500
const DEFAULT_PAGE = 100

export const memberRoutes: Route[] = [
  route('GET /rooms/:id/members', {
    caller: 'any',
    query: object({ after: Type.Optional(NewId), limit: Limit }),
    answer: async ({ chat, actor, params, query }) => {
      const { totalCount, members } = await listMembers(chat, actor, {
        roomId: params.id,
        after: query.after ?? '',
        limit: Math.min(query.limit || DEFAULT_PAGE, MAX_PAGE),
      })
      return { totalCount, ...presentMembers(members) }
    },
  }),

  route('POST /rooms/:id/join', {
    caller: 'user',
    body: object(Says),
    answer: async ({ chat, actor, params, body }) =>
      presentRoom(
        await joinRoom(chat, actor, { roomId: params.id, systemMessage: body.systemMessage ?? false }),
      ),
  }),

  route('POST /rooms/:id/members', {
    caller: 'any',
    body: object({ ...Invites, invitees: Ids }),
    answer: async ({ chat, actor, params, body }) =>
      presentRoom(
        await addMembers(chat, actor, {
          roomId: params.id,
          userIds: body.invitees,
          systemMessage: body.systemMessage ?? false,
          invitationRequired: body.invitationRequired ?? undefined,
          messageType: 'addMembers',
        }),
      ),
  }),

  route('POST /rooms/:id/members/:invitee', {
    caller: 'any',
    body: object(Invites),
    answer: async ({ chat, actor, params, body }) =>
      presentRoom(
        await addMembers(chat, actor, {
          roomId: params.id,
          userIds: [params.invitee],
          systemMessage: body.systemMessage ?? false,
          invitationRequired: body.invitationRequired ?? undefined,
          messageType: 'addMember',
        }),
      ),
  }),

  route('POST /rooms/:id/delete/members', {
    caller: 'any',
    body: object({ ...Says, members: Ids }),
    answer: async ({ chat, actor, params, body }) =>
      presentRoom(
        await removeMembers(chat, actor, {
          roomId: params.id,
          userIds: body.members,
          systemMessage: body.systemMessage ?? false,
        }),
      ),
  }),

  route('DELETE /rooms/:id/members/:uid', {
    caller: 'any',
    body: object(Says),
    answer: async ({ chat, actor, params, body }) =>
      presentRoom(
        await removeMembers(chat, actor, {
          roomId: params.id,
          userIds: [params.uid],
          systemMessage: body.systemMessage ?? false,
        }),
      ),
  }),

  route('PUT /rooms/:id/member/:client', {
    caller: 'any',
    body: object({ property: Type.String({ minLength: 1, maxLength: 64 }), value: Type.Unknown() }),
    answer: async ({ chat, actor, params, body }) =>
      presentRoom(
        await setMemberProperty(chat, actor, { roomId: params.id, userId: params.client, ...body }),
      ),
  }),
]

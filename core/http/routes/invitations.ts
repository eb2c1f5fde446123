import { cancelInvitations, declineInvitation, myInvitations, roomInvitations } from '../../chat/invite.ts'
import type { Invitation } from '../../chat/model.ts'
import { presentInvitation, presentRoomInvitation } from '../../wire/present.ts'
import { type Route, route } from '../route.ts'
import { Flag, Ids, maybe, object } from '../schemas.ts'

const list = (invitations: Invitation[], present: typeof presentInvitation) => ({
  totalCount: invitations.length,
  data: invitations.map(present),
})
const listMine = (invitations: Invitation[]) => list(invitations, presentInvitation)
const listRooms = (invitations: Invitation[]) => list(invitations, presentRoomInvitation)

export const invitationRoutes: Route[] = [
  route('GET /rooms/invitations', {
    caller: 'user',
    answer: async ({ chat, actor }) => listMine(await myInvitations(chat, actor)),
  }),

  route('GET /rooms/:id/invitations', {
    caller: 'any',
    answer: async ({ chat, actor, params }) => listRooms(await roomInvitations(chat, actor, params.id)),
  }),

  route('DELETE /rooms/:id/invitations', {
    caller: 'user',
    answer: async ({ chat, actor, params }) => listMine(await declineInvitation(chat, actor, params.id)),
  }),

  route('POST /rooms/:id/delete/invitations', {
    caller: 'any',
    body: object({ invitees: Ids, systemMessage: maybe(Flag) }),
    answer: async ({ chat, actor, params, body }) =>
      listRooms(
        await cancelInvitations(chat, actor, {
          roomId: params.id,
          inviteeIds: body.invitees,
          systemMessage: body.systemMessage ?? false,
        }),
      ),
  }),

  route('DELETE /rooms/:id/invitations/:invitee', {
    caller: 'any',
    answer: async ({ chat, actor, params }) =>
      listRooms(
        await cancelInvitations(chat, actor, {
          roomId: params.id,
          inviteeIds: [params.invitee],
          systemMessage: false,
        }),
      ),
  }),
]

import { Type } from 'typebox'
import { listOf, page, ref } from './answers.ts'
import { Anything, type Endpoints, Nothing, says } from './endpoint.ts'

const { Object: object, String: text, Integer: integer, Boolean: flag, Array: list, Record: keyed } = Type
const Badge = object({ totalBadge: integer(), data: keyed(text(), integer()) })

export const ROOMS: Endpoints = {
  'POST /rooms': says('Makes a room; the caller is not in it', 'Room', {
    example: { _id: 'team', name: 'Team', members: ['maria', 'ada'] },
  }),
  'POST /rooms/createAndJoin': says('Opens the room of this id or makes it, and joins', 'Room', {
    example: { _id: 'hello', roomType: 'direct', invitee: 'ada' },
  }),
  'GET /rooms': says('Lists the caller’s rooms, the latest message first', listOf('Room')),
  'GET /rooms/ids': says('Lists the ids of the caller’s rooms', listOf(text())),
  'GET /rooms/quitted': says('Lists the rooms that the caller has left', page(Nothing)),
  'GET /rooms/:id': says('One room', 'Room'),
  'GET /rooms/:id/exists': says('Whether there is such a room', object({ exists: flag() })),
  'GET /rooms/:id/count': says(
    'Counts messages made or changed since `timeInMS`',
    object({ count: integer() }),
  ),
  'PUT /rooms/:id': says('Changes a room', 'Room', { example: { name: 'The team' } }),
  'PUT /rooms/:id/bot': says('Changes the state of a room’s bot', 'Room', { example: { botState: 'asked' } }),
  'DELETE /rooms/:id': says('Deletes a room and its messages', 'Counts'),
  'POST /rooms/:id/join': says('Joins a room, or accepts an invitation', 'Room', {
    example: { systemMessage: true },
  }),
  'GET /rooms/:id/members': says(
    'Lists a room’s members in the order of their ids, after the id `after`',
    object({
      totalCount: integer(),
      data: list(ref('Client')),
      memberProperties: list(ref('MemberProperty')),
    }),
  ),
  'POST /rooms/:id/members': says('Adds members, or invites them', 'Room', {
    example: { invitees: ['ada'], systemMessage: true },
  }),
  'POST /rooms/:id/members/:invitee': says('Adds one member, or invites them', 'Room'),
  'POST /rooms/:id/delete/members': says('Removes members; oneself, to leave', 'Room', {
    example: { members: ['ada'] },
  }),
  'DELETE /rooms/:id/members/:uid': says('Removes one member', 'Room'),
  'PUT /rooms/:id/member/:client': says('Sets a property of a member; `role` may be `admin`', 'Room', {
    errors: ['CLIENT_NOT_FOUND'],
    example: { property: 'role', value: 'admin' },
  }),
  'GET /rooms/invitations': says('Lists what the caller is invited to', listOf('Invitation')),
  'GET /rooms/:id/invitations': says('Lists who is invited to a room', listOf('RoomInvitation')),
  'DELETE /rooms/:id/invitations': says('Declines an invitation', listOf('Invitation')),
  'POST /rooms/:id/delete/invitations': says('Cancels invitations', listOf('RoomInvitation'), {
    example: { invitees: ['ada'] },
  }),
  'DELETE /rooms/:id/invitations/:invitee': says('Cancels one invitation', listOf('RoomInvitation')),
  'GET /blockStatus/my': says('Lists whom the caller blocks', listOf('MyBlock')),
  'POST /blockStatus/my/:blockee': says('Blocks a user in direct rooms', 'Block', {
    errors: ['USER_NOT_FOUND', 'SELF_BLOCK_FORBIDDEN'],
  }),
  'DELETE /blockStatus/my/:blockee': says('Blocks a user no longer', 'Block', {
    errors: ['BLOCK_NOT_FOUND'],
  }),
  'GET /blockStatus/room/:room': says('Lists who may not speak in a room', listOf('RoomBlock')),
  'POST /blockStatus/room/:room/:blockee': says('Takes away a user’s word in a room', 'Block', {
    errors: ['USER_NOT_FOUND', 'SELF_BLOCK_FORBIDDEN'],
  }),
  'DELETE /blockStatus/room/:room/:blockee': says('Gives it back', 'Block', { errors: ['BLOCK_NOT_FOUND'] }),
}

export const MESSAGES: Endpoints = {
  'POST /rooms/:id/message': says('Sends a message; with the `_id` of one, edits or recalls it', 'Message', {
    errors: ['INVALID_MESSAGE_FORMAT', 'MESSAGE_NOT_FOUND'],
    example: { messageType: 'text', message: 'Hello, Ada' },
  }),
  'POST /messages': says('Sends a message as any user, or as nobody', 'Message', {
    errors: ['INVALID_MESSAGE_FORMAT', 'MESSAGE_NOT_FOUND'],
    example: { room: 'hello', sender: 'maria', messageType: 'text', message: 'Hello' },
  }),
  'POST /messages/batch': says(
    'Sends a message to many users or rooms, a little later',
    object({ batchID: text(), count: integer() }),
    {
      errors: ['INVALID_MESSAGE_FORMAT'],
      example: { messageType: 'text', message: 'Hi $name$', paras: [{ receiver: 'ada', $name$: 'Ada' }] },
    },
  ),
  'GET /messages/batch': says(
    'Lists the messages of a batch',
    object({ count: integer(), data: list(ref('Message')) }),
  ),
  'GET /rooms/:id/messages/v3': says(
    'A page of a room’s messages: the one that it begins at is in it',
    Type.Intersect([listOf('Message'), object({ userDeletedIDs: list(text()) })]),
  ),
  'GET /rooms/:id/messages': says('A page of a room’s messages before another, by id', listOf('Message')),
  'GET /rooms/:id/messages/:messageId': says('A message and those around it', listOf('Message'), {
    errors: ['MESSAGE_NOT_FOUND'],
  }),
  'DELETE /rooms/:id/messages/:messageId': says('Deletes a message; `_all`: every message', 'Deletion', {
    errors: ['MESSAGE_NOT_FOUND'],
  }),
  'PUT /rooms/:id/lastRead': says(
    'Says how far the caller has read',
    object({ client: text(), lastRead: Type.Optional(text()), badge: integer() }),
    { example: { message: '66b0c2f1a1b2c3d4e5f60718' } },
  ),
  'POST /rooms/:id/typing': says(
    'Tells the others that the caller is writing',
    object({ message: text(), room: text(), sender: text() }),
    { example: { message: 'Hel' } },
  ),
  'GET /rooms/:id/pined-messages': says('Lists a room’s pinned messages', listOf('Message')),
  'POST /messages/:id/pin': says('Pins a message', 'Message'),
  'DELETE /messages/:id/pin': says('Unpins a message', 'Message'),
  'POST /messages/:id/hidden': says('Hides a message', 'Message'),
  'DELETE /messages/:id/hidden': says('Shows a message again', 'Message'),
  'POST /messages/hide-by-sender-in-room': says('Hides all that a user wrote in a room', 'Counts', {
    example: { room: 'hello', sender: 'ada' },
  }),
  'POST /messages/unhide-by-sender-in-room': says('Shows it again', 'Counts', {
    example: { room: 'hello', sender: 'ada' },
  }),
  'POST /messages/:id/streaming': says(
    'Tells the room what comes next in a message of type `ai_streaming`',
    Nothing,
    { example: { text: 'Once upon' }, errors: ['MESSAGE_NOT_FOUND'] },
  ),
  'POST /messages/:id/reaction': says('Reacts to a message', 'Message', { example: { reaction: '👍' } }),
  'DELETE /messages/:id/reaction': says('Takes back one reaction, or all of the caller’s', 'Message'),
  'POST /messages/user-delete': says('Hides messages from the caller alone', 'OwnDeletions', {
    example: { room: 'hello', messages: ['66b0c2f1a1b2c3d4e5f60718'] },
  }),
  'GET /messages/user-delete': says('Lists what is hidden from the caller alone', listOf(Nothing)),
  'POST /messages/user-delete/all-in-room': says('Empties a room for the caller alone', 'OwnDeletions', {
    example: { room: 'hello' },
  }),
  'GET /rooms/:id/events': says('What changed in a room since the caller was there', 'Missed'),
  'POST /sync': says('Which rooms are not where the caller last saw them', 'Behind', {
    example: { rooms: { hello: { seq: 12, evSeq: 3 } } },
  }),
  'GET /messages': says('Searches messages by a filter', listOf('Message')),
  'POST /messages/search': says('Searches messages by a word', page('Message'), {
    example: { message: 'hello' },
  }),
  'GET /messages/recent': says(
    'The latest messages of the caller’s rooms',
    object({ count: integer(), data: list(ref('Message')) }),
  ),
  'POST /search': says('Searches rooms and messages in several ways at once', keyed(text(), list(Anything)), {
    example: { type: ['messages', 'roomName'], keyword: 'hello' },
  }),
  'POST /badges/byRoomTags': says('Counts what is unread, by the rooms’ tags', Badge, {
    example: { tags: ['work'] },
  }),
  'POST /badges/byRoomTagsAndTime': says('The same, up to a time', Badge, { example: { tags: ['work'] } }),
  'POST /badges': says(
    'What the users of these tokens have not read',
    object({ totalBadge: integer(), data: list(object({ client: text(), badge: integer() })) }),
    { example: { tokens: ['a-token-of-your-own-making'] } },
  ),
}

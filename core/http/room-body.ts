import { type Static, Type } from 'typebox'
import { CoreError } from '../errors.ts'
import type { RoomSort } from '../store/room-lists.ts'
import type { RoomFields } from '../store/rooms.ts'
import { Bit, Flag, Id, Ids, Int32, maybe, NewId, object, Text, Texts } from './schemas.ts'

const IdOrIds = Type.Union([NewId, Ids])
const RoomType = Type.Union([Type.Literal('direct'), Type.Literal('group'), Type.Literal('custom')])

const FIELDS = {
  name: maybe(Text),
  cover: maybe(Text),
  description: maybe(Text),
  roomTags: maybe(Texts),
  webhook: maybe(Text),
  botMode: maybe(Flag),
  extParams: maybe(Text),
  encrypted: maybe(Flag),
  serviceStatus: maybe(Int32),
  assignTo: maybe(NewId),
  refRoom: maybe(NewId),
  isPublic: maybe(Flag),
}

export const NewRoomBody = object({
  ...FIELDS,
  _id: maybe(NewId),
  roomType: maybe(Type.Union([RoomType, Type.Literal('')])),
  members: maybe(Ids),
  invitee: maybe(IdOrIds),
  owner: maybe(Id),
  systemMessage: maybe(Flag),
  invitationRequired: maybe(Flag),
})

export const RoomChangeBody = object({
  ...FIELDS,
  opening: maybe(Bit),
  status: maybe(Bit),
  owner: maybe(Id),
  managers: maybe(Ids),
})

export const roomTypeOf = (body: Static<typeof NewRoomBody>): 'direct' | 'group' | 'custom' =>
  body.roomType || 'group'

export const inviteesOf = (body: Static<typeof NewRoomBody>): string[] =>
  [body.invitee ?? [], body.members ?? []].flat().filter((id) => id !== '')

type FieldsBody = { [K in keyof typeof FIELDS]?: Static<(typeof FIELDS)[K]> }

const KEPT_AS_GIVEN = [
  'name',
  'cover',
  'description',
  'webhook',
  'botMode',
  'extParams',
  'serviceStatus',
  'assignTo',
  'refRoom',
  'isPublic',
] as const

/** A field that a body does not name stays; null clears it, where it can be empty. */
export function parseRoomFields(body: FieldsBody): RoomFields {
  const fields: RoomFields = {}
  for (const name of KEPT_AS_GIVEN)
    if (body[name] !== undefined) Object.assign(fields, { [name]: body[name] })
  if (body.roomTags !== undefined) fields.roomTags = body.roomTags ?? []
  if (typeof body.encrypted === 'boolean') fields.encrypted = body.encrypted
  return fields
}

export function parseRoomChange(body: Static<typeof RoomChangeBody>): RoomFields {
  const fields = parseRoomFields(body)
  if (body.opening === 0 || body.opening === 1) fields.opening = body.opening
  if (body.status === 0 || body.status === 1) fields.status = body.status
  if (body.owner !== undefined) fields.ownerId = body.owner
  if (body.managers !== undefined) fields.managerIds = body.managers ?? []
  return fields
}

const SORTS = new Map<string, RoomSort['by']>([
  ['lastMessage', 'activity'],
  ['createdTime', 'createdTime'],
  ['createdAt', 'createdTime'],
  ['updatedTime', 'updatedTime'],
  ['updatedAt', 'updatedTime'],
  ['name', 'name'],
  ['_id', 'id'],
  ['id', 'id'],
])

/**
 * `lastMessage` with and without its sign means newest first: so every client that sends it expects. What comes after
 * it cannot matter any more. @throws CoreError INVALID_QUERY
 */
export function parseRoomSort(text: string | undefined): RoomSort[] {
  const sorts: RoomSort[] = []
  for (const word of (text ?? '').split(/[\s,]+/).filter((part) => part !== '')) {
    const by = SORTS.get(word.replace(/^-/, ''))
    if (by === undefined) throw new CoreError('INVALID_QUERY', `"${word.slice(0, 64)}" cannot be sorted by.`)
    sorts.push({ by, descending: by === 'activity' || word.startsWith('-') })
    if (by === 'activity') return sorts
  }
  return [...sorts, { by: 'activity', descending: true }]
}

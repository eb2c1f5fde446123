/** A line of an export: one object, of a type that is known here, with what that type must have. */
import { type Static, type TSchema, Type } from 'typebox'
import { Compile } from 'typebox/compile'
import { credentialDigest, MAX_CREDENTIAL_BYTES } from '#contract/credential.ts'
import { searchableText } from '../../../core/chat/searchable-text.ts'
import { SYSTEM_TYPES } from '../../../core/chat/system-message.ts'
import { gramsOf } from '../../../core/store/grams.ts'
import type { ImportKind } from '../../../core/store/import.ts'

/** Of the format; another is refused whole. */
export const FORMAT_VERSION = 1

const Id = Type.String({ minLength: 1, maxLength: 256 })
const Text = Type.Optional(Type.String({ maxLength: 16_384 }))
const Time = Type.String({
  pattern: '^\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d(?:\\.\\d+)?(?:Z|[+-]\\d\\d:\\d\\d)$',
})
const Fields = Type.Optional(Type.Record(Type.String(), Type.Unknown()))
const strict = { additionalProperties: false }

const SHAPES = {
  user: Type.Object(
    {
      type: Type.Literal('user'),
      id: Id,
      nickname: Text,
      avatarUrl: Text,
      email: Text,
      description: Text,
      isRobot: Type.Optional(Type.Boolean()),
      notificationEnabled: Type.Optional(Type.Boolean()),
      custom: Fields,
      createdAt: Time,
      lastLoginAt: Type.Optional(Time),
      disabledAt: Type.Optional(Time),
    },
    strict,
  ),
  token: Type.Object(
    {
      type: Type.Literal('token'),
      user: Id,
      token: Type.Optional(Type.String({ minLength: 1, maxLength: MAX_CREDENTIAL_BYTES })),
      hash: Type.Optional(Type.String({ pattern: '^[A-Za-z0-9_-]{43}$' })),
      createdAt: Time,
      expiresAt: Time,
    },
    strict,
  ),
  room: Type.Object(
    {
      type: Type.Literal('room'),
      id: Id,
      roomType: Type.Union([Type.Literal('direct'), Type.Literal('group'), Type.Literal('custom')]),
      name: Text,
      cover: Text,
      description: Text,
      owner: Type.Optional(Id),
      managers: Type.Optional(Type.Array(Id)),
      tags: Type.Optional(Type.Array(Type.String())),
      webhook: Text,
      createdAt: Time,
    },
    strict,
  ),
  member: Type.Object(
    {
      type: Type.Literal('member'),
      room: Id,
      user: Id,
      role: Type.Optional(Type.Union([Type.Literal('member'), Type.Literal('admin')])),
      joinedAt: Time,
      readAt: Type.Optional(Time),
    },
    strict,
  ),
  message: Type.Object(
    {
      type: Type.Literal('message'),
      id: Type.String({ pattern: '^[0-9a-f]{24}$' }),
      room: Id,
      sender: Type.Optional(Id),
      clientMessageId: Type.Optional(Type.String({ minLength: 1, maxLength: 256 })),
      messageType: Type.String({ minLength: 1, maxLength: 256 }),
      message: Type.Optional(Type.Unknown()),
      fields: Fields,
      reply: Type.Optional(Type.String({ pattern: '^[0-9a-f]{24}$' })),
      createdAt: Time,
      updatedAt: Type.Optional(Time),
      editedAt: Type.Optional(Time),
    },
    strict,
  ),
} satisfies Record<ImportKind, TSchema>

type Lines = { [Kind in ImportKind]: Static<(typeof SHAPES)[Kind]> }
export type Line = Lines[ImportKind]

const CHECKS = Object.fromEntries(Object.entries(SHAPES).map(([kind, shape]) => [kind, Compile(shape)]))
/** PostgreSQL's text holds none of it. */
const UNSTORABLE = /\\u0000|\0/

/** @throws Error that says what is wrong, without quoting the line: it may hold a token */
export function parseLine(text: string): Line {
  if (UNSTORABLE.test(text)) throw new Error('has a NUL character')
  const value = parseObject(text)
  const { type } = value
  const check = typeof type === 'string' ? CHECKS[type] : undefined
  if (check === undefined) throw new Error(`type is none of ${Object.keys(SHAPES).join(', ')}`)
  if (!check.Check(value)) throw new Error(faultOf(check.Errors(value)[0]))
  const line = value as Line
  for (const [name, time] of Object.entries(line))
    if (name.endsWith('At') && Number.isNaN(Date.parse(String(time))))
      throw new Error(`${name} is not a time`)
  if (line.type === 'token' && (line.token === undefined) === (line.hash === undefined))
    throw new Error('either token or hash is needed, and not both')
  return line
}

type Fault = { keyword: string; instancePath: string; message: string; params: object }

function faultOf(fault: Fault | undefined): string {
  const name = fault?.instancePath.slice(1) || 'it'
  if (fault !== undefined && 'requiredProperties' in fault.params)
    return `${[fault.params.requiredProperties].flat().join(', ')} is missing`
  // What a strict shape says of a field that it has not.
  if (fault?.keyword === 'boolean') return `${name} is not known here`
  if (fault?.keyword === 'pattern') return `${name} is not ${FORMS[name] ?? FORMS.time}`
  return `${name} ${fault?.message ?? 'is not valid'}`
}

const FORMS: Readonly<Record<string, string>> = {
  id: '24 hex digits, as message ids are',
  reply: 'the id of a message',
  hash: '43 characters of base64url',
  time: 'a time such as 2026-01-31T12:00:00Z',
}

/** The first line of every file. @throws Error */
export function checkHeader(text: string): void {
  const { type, version } = parseObject(text)
  if (type !== 'export') throw new Error('the first line is not {"type": "export", "version": 1}')
  if (version !== FORMAT_VERSION)
    throw new Error(
      `version ${JSON.stringify(version)} of the format is not known here, only ${FORMAT_VERSION}`,
    )
}

function parseObject(text: string): Record<string, unknown> {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    throw new Error('is not JSON')
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new Error('is not an object')
  return value as Record<string, unknown>
}

/** As the store takes it. */
export function toRow(app: string, line: Line): object {
  switch (line.type) {
    case 'user':
      return {
        id: line.id,
        nickname: line.nickname,
        avatar_url: line.avatarUrl,
        email: line.email,
        description: line.description,
        is_robot: line.isRobot ?? false,
        notification_enabled: line.notificationEnabled ?? true,
        custom: line.custom ?? {},
        last_login_at: line.lastLoginAt,
        created_at: line.createdAt,
        disabled_at: line.disabledAt,
      }
    case 'token':
      return {
        digest: line.hash ?? credentialDigest('client-token', app, line.token ?? ''),
        user_id: line.user,
        created_at: line.createdAt,
        expires_at: line.expiresAt,
      }
    case 'room':
      return {
        id: line.id,
        room_type: line.roomType,
        name: line.name,
        cover: line.cover,
        description: line.description,
        owner_id: line.owner,
        manager_ids: line.managers ?? [],
        room_tags: line.tags ?? [],
        webhook: line.webhook,
        created_at: line.createdAt,
      }
    case 'member':
      return {
        room_id: line.room,
        user_id: line.user,
        role: line.role ?? 'member',
        joined_at: line.joinedAt,
        read_at: line.readAt,
      }
    case 'message':
      return toMessageRow(app, line)
  }
}

function toMessageRow(app: string, line: Lines['message']): object {
  const { messageType, message, fields = {} } = line
  const grams = gramsOf(app, line.room, searchableText({ messageType, message, fields }))
  return {
    room_id: line.room,
    id: line.id,
    sender_id: line.sender,
    client_message_id: line.clientMessageId,
    message_type: messageType,
    message,
    fields,
    reply_id: line.reply,
    counts: !SYSTEM_TYPES.has(messageType),
    grams: grams === null ? null : `{${grams.join(',')}}`,
    created_at: line.createdAt,
    updated_at: line.updatedAt ?? line.createdAt,
    edited_at: line.editedAt,
  }
}

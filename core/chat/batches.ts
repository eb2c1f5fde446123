/** One message to many rooms or people, each with its own words in it. */
import { type Static, Type } from 'typebox'
import { Value } from 'typebox/value'
import { CoreError } from '../errors.ts'
import { findBatchMessages, insertBatch } from '../store/batches.ts'
import { findMessagesById } from '../store/messages.ts'
import { type Actor, type ChatContext, now } from './context.ts'
import type { Message } from './model.ts'
import { openRoom } from './open-room.ts'
import { populateMessages } from './populate.ts'
import { sendMessage } from './send-message.ts'
import { SYSTEM_TYPES } from './system-message.ts'

/** As it lies in the database; whoever wrote it, another version of this may read it. */
const Sender = Type.Object({
  kind: Type.Union([Type.Literal('client'), Type.Literal('platform')]),
  userId: Type.Optional(Type.String()),
})
const Job = Type.Object({
  sender: Sender,
  message: Type.Optional(Type.Unknown()),
  messageType: Type.Optional(Type.String()),
  mentions: Type.Array(Type.String()),
  fields: Type.Record(Type.String(), Type.Unknown()),
  push: Type.Boolean(),
  badge: Type.Optional(Type.Boolean()),
})
const Part = Type.Object({
  roomId: Type.Optional(Type.String()),
  receiverId: Type.Optional(Type.String()),
  words: Type.Array(Type.Tuple([Type.String(), Type.String()])),
})

export type BatchJob = Static<typeof Job>
export type BatchPart = Static<typeof Part>

export type BatchInput = Omit<BatchJob, 'sender'> & { senderId: string | undefined; parts: BatchPart[] }

/** Takes a batch on: it is sent from now on, whatever happens to this process. @returns its id */
export async function sendBatch(ctx: ChatContext, actor: Actor, input: BatchInput): Promise<string> {
  const { parts, senderId, ...content } = input
  const userId = actor.kind === 'client' ? actor.userId : (senderId ?? actor.userId)
  if (actor.kind === 'client' && SYSTEM_TYPES.has(content.messageType ?? ''))
    throw new CoreError('INVALID_MESSAGE_FORMAT', `"${content.messageType}" is sent by the server alone.`)
  if (content.messageType === 'recall' || (content.messageType ?? content.message) === undefined)
    throw new CoreError('INVALID_MESSAGE_FORMAT')
  if (userId === undefined && parts.some((part) => part.roomId === undefined))
    throw new CoreError('MISSING_PARAMETER', 'A message to a receiver needs its "sender".')
  const id = ctx.newId()
  const sender = { kind: actor.kind, ...(userId !== undefined && { userId }) }
  await insertBatch(ctx.db, actor.app, { id, job: { ...content, sender }, parts }, now(ctx))
  return id
}

/** @throws Error where they are not what `sendBatch` stored */
export const readJob = (stored: unknown): BatchJob => Value.Parse(Job, stored)
export const readPart = (stored: unknown): BatchPart => Value.Parse(Part, stored)

/**
 * Sends one part. Its client id makes it one message however often it is tried.
 * @throws CoreError where the sender may not
 */
export async function sendPart(
  ctx: ChatContext,
  batch: { app: string; id: string },
  job: BatchJob,
  place: number,
  part: BatchPart,
): Promise<Message> {
  const actor = actorOf(batch.app, job)
  const roomId = part.roomId ?? (await roomWith(ctx, actor, part.receiverId))
  const words = new Map(part.words)
  const { extra, ...fields } = job.fields
  return sendMessage(ctx, actor, {
    roomId,
    messageType: job.messageType,
    message: replaceWords(job.message, words),
    mentions: job.mentions,
    clientMessageId: `batch:${batch.id}:${place}`,
    followUps: { ...(!job.push && { push: false }), ...(job.badge === false && { badge: false }) },
    fields: {
      ...fields,
      ...(extra !== undefined && { extra: replaceWords(extra, words) }),
      batchID: batch.id,
    },
  })
}

/** Who asked for the batch was let in when they asked; what they may do is looked at again with each part. */
function actorOf(app: string, { sender }: BatchJob): Actor {
  const named = { app, deviceId: undefined, credentialId: '', expiresAtMs: undefined }
  return sender.kind === 'client'
    ? { ...named, kind: 'client', userId: sender.userId ?? '' }
    : { ...named, kind: 'platform', userId: sender.userId }
}

async function roomWith(ctx: ChatContext, actor: Actor, receiverId: string | undefined): Promise<string> {
  if (receiverId === undefined || receiverId === actor.userId) throw new CoreError('INVALID_REQUEST')
  const room = await openRoom(ctx, actor, {
    roomType: 'direct',
    inviteeIds: [receiverId],
    fields: {},
    systemMessage: false,
  })
  return room.id
}

/** In texts, however deep; what was put in is not looked at again. */
export function replaceWords(value: unknown, words: ReadonlyMap<string, string>): unknown {
  if (words.size === 0) return value
  if (typeof value === 'string')
    return value.replaceAll(/\$[^$\s]{1,64}\$/g, (name) => words.get(name) ?? name)
  if (Array.isArray(value)) return value.map((item) => replaceWords(item, words))
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, replaceWords(item, words)]))
}

export async function listBatch(ctx: ChatContext, actor: Actor, id: string): Promise<Message[]> {
  const places = await findBatchMessages(ctx.db, actor.app, id)
  if (places === undefined) throw new CoreError('NOT_FOUND', 'There is no such batch.')
  const rows = new Map((await findMessagesById(ctx.db, actor.app, places)).map((row) => [row.id, row]))
  return populateMessages(
    ctx.db,
    actor.app,
    places.flatMap((place) => rows.get(place.id) ?? []),
  )
}

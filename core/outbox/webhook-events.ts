/** Outbox rows as deliveries to the room's webhook and to the app's (contract: rest §2.11). */
import { populateMessages } from '../chat/populate.ts'
import type { Queryable } from '../store/database.ts'
import { findMessagesById } from '../store/messages.ts'
import type { OutboxRow } from '../store/outbox.ts'
import { findUsers } from '../store/users.ts'
import { findWebhookPlaces, type WebhookPlace } from '../store/webhook-places.ts'
import { addDeliveries, type NewDelivery, type WebhookEvent, type WebhookTarget } from '../store/webhooks.ts'
import { presentMessage, presentUser } from '../wire/present.ts'
import { actorOf, messageIdOf, userIdsOf } from './payloads.ts'

type Told = { event: WebhookEvent; senderId: string | undefined; content: object }

const TOLD = new Set(['message-posted', 'members-joined', 'members-removed'])

/** A delivery is tried until this long after the event. */
export const DELIVERY_LIFETIME_MS = 86_400_000

export async function addWebhooks(tx: Queryable, rows: readonly OutboxRow[], at: Date): Promise<void> {
  const concerned = rows.filter((row) => TOLD.has(row.topic))
  if (concerned.length === 0) return
  const places = await findWebhookPlaces(tx, concerned)
  if (places.length === 0) return
  const placeOf = new Map(places.map((place) => [JSON.stringify([place.app, place.roomId]), place]))
  const deliveries: NewDelivery[] = []
  for (const row of concerned) {
    const place = placeOf.get(JSON.stringify([row.app, row.roomId]))
    if (place !== undefined) deliveries.push(...(await deliveriesOf(tx, row, place)))
  }
  await addDeliveries(tx, deliveries, at, new Date(at.getTime() + DELIVERY_LIFETIME_MS))
}

async function deliveriesOf(tx: Queryable, row: OutboxRow, place: WebhookPlace): Promise<NewDelivery[]> {
  const { app, roomId, position } = row
  const targets: WebhookTarget[] = []
  if (place.toRoom) targets.push('room')
  if (place.toApp) targets.push('app')
  const told = row.topic === 'message-posted' ? await tellMessage(tx, row) : await tellMembers(tx, row)
  return told.flatMap(({ event, senderId, content }) => {
    const eventId = `${position}-${event}`
    const body = JSON.stringify({
      eventID: eventId,
      appID: app,
      clientID: senderId ?? null,
      roomID: roomId,
      event,
      botState: place.botState,
      data: content,
    })
    return targets.map((target) => ({ app, roomId, target, eventId, event, body }))
  })
}

/** A robot does not hear robots: two of them would talk for ever. */
async function tellMessage(tx: Queryable, { app, roomId, payload }: OutboxRow): Promise<Told[]> {
  const id = messageIdOf(payload)
  if (id === undefined || payload.webhook === false) return []
  const messages = await populateMessages(tx, app, await findMessagesById(tx, app, [{ roomId, id }]))
  return messages
    .filter((message) => message.sender?.isRobot !== true)
    .map((message) => ({ event: 'MESSAGE', senderId: message.sender?.id, content: presentMessage(message) }))
}

async function tellMembers(tx: Queryable, { app, roomId, topic, payload }: OutboxRow): Promise<Told[]> {
  const userIds = userIdsOf(payload)
  const senderId = actorOf(payload)
  const users = await findUsers(tx, app, [
    ...new Set([...userIds, ...(senderId === undefined ? [] : [senderId])]),
  ])
  const byId = new Map(users.map((user) => [user.id, presentUser(user)]))
  const sender = senderId === undefined ? null : (byId.get(senderId) ?? null)
  const tell = (event: WebhookEvent, ids: string[]): Told[] =>
    ids.length === 0
      ? []
      : [
          {
            event,
            senderId,
            content: { room: roomId, sender, members: ids.flatMap((id) => byId.get(id) ?? []) },
          },
        ]
  if (topic === 'members-removed') return tell('DELETE_MEMBERS', userIds)
  const joined = userIds.filter((id) => id === senderId)
  const added = userIds.filter((id) => id !== senderId)
  return [...tell('JOIN_ROOM', joined), ...tell('ADD_MEMBERS', added)]
}

/** Which rooms and apps want their events delivered, and to where. */
import type { Queryable } from './database.ts'

/** Where a room's and its app's events go at the moment. */
export type WebhookAddresses = { room: string | null; app: string | null }

const ROOM_WEBHOOK = 'CASE WHEN r.bot_mode IS DISTINCT FROM false THEN r.webhook END'
const APP_WEBHOOK = `a.settings ->> 'webhookUrl'`

export async function findWebhookAddresses(
  q: Queryable,
  app: string,
  roomId: string,
): Promise<WebhookAddresses | undefined> {
  const [row] = await q.query<WebhookAddresses>(
    'webhooks-addresses',
    `SELECT ${ROOM_WEBHOOK} AS room, ${APP_WEBHOOK} AS app
     FROM apps a LEFT JOIN rooms r ON r.app = a.id AND r.id = $2 WHERE a.id = $1`,
    [app, roomId],
  )
  return row
}

/** Whose events somebody wants. */
export type WebhookPlace = {
  app: string
  roomId: string
  toRoom: boolean
  toApp: boolean
  botState: string | null
}

export async function findWebhookPlaces(
  q: Queryable,
  places: ReadonlyArray<{ app: string; roomId: string }>,
): Promise<WebhookPlace[]> {
  return q.query<WebhookPlace>(
    'webhooks-places',
    `SELECT * FROM (
       SELECT DISTINCT given.app, given.room_id AS "roomId", COALESCE(${ROOM_WEBHOOK}, '') <> '' AS "toRoom",
         COALESCE(${APP_WEBHOOK}, '') <> '' AS "toApp", r.bot_state AS "botState"
       FROM unnest($1::text[], $2::text[]) AS given (app, room_id) JOIN apps a ON a.id = given.app
       LEFT JOIN rooms r ON r.app = given.app AND r.id = given.room_id
     ) AS place WHERE "toRoom" OR "toApp"`,
    [places.map((place) => place.app), places.map((place) => place.roomId)],
  )
}

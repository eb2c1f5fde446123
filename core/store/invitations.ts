import type { Queryable } from './database.ts'

export type InvitationRow = {
  roomId: string
  inviteeId: string
  inviterId: string | null
  createdAt: Date
  updatedAt: Date
}

const COLUMNS = `room_id AS "roomId", invitee_id AS "inviteeId", inviter_id AS "inviterId",
  created_at AS "createdAt", updated_at AS "updatedAt"`

export async function putInvitations(
  tx: Queryable,
  app: string,
  roomId: string,
  inviteeIds: readonly string[],
  inviterId: string | undefined,
  at: Date,
): Promise<InvitationRow[]> {
  return tx.query<InvitationRow>(
    'invitations-put',
    `INSERT INTO invitations (app, room_id, invitee_id, inviter_id, created_at, updated_at)
     SELECT $1, $2, id, $4, $5, $5 FROM unnest($3::text[]) AS id
     ON CONFLICT (app, room_id, invitee_id) DO UPDATE SET inviter_id = excluded.inviter_id, updated_at = $5
     RETURNING ${COLUMNS}`,
    [app, roomId, inviteeIds, inviterId, at],
  )
}

/** @returns the invitees whose invitation there was. */
export async function removeInvitations(
  tx: Queryable,
  app: string,
  roomId: string,
  inviteeIds: readonly string[],
): Promise<string[]> {
  const rows = await tx.query<{ id: string }>(
    'invitations-remove',
    `DELETE FROM invitations WHERE app = $1 AND room_id = $2 AND invitee_id = ANY($3::text[])
     RETURNING invitee_id AS id`,
    [app, roomId, inviteeIds],
  )
  return rows.map((row) => row.id)
}

/** Of a list, the newest first. */
const MAX_INVITATIONS = 1_000

/** Those of a user, or of a room; of some of its invitees alone. */
export async function findInvitations(
  q: Queryable,
  app: string,
  of: { roomId: string; inviteeIds?: readonly string[] } | { inviteeId: string },
): Promise<InvitationRow[]> {
  return 'roomId' in of
    ? q.query<InvitationRow>(
        'invitations-of-room',
        `SELECT ${COLUMNS} FROM invitations
         WHERE app = $1 AND room_id = $2 AND ($3::text[] IS NULL OR invitee_id = ANY($3))
         ORDER BY created_at DESC, invitee_id LIMIT CASE WHEN $3 IS NULL THEN $4::int END`,
        [app, of.roomId, of.inviteeIds, MAX_INVITATIONS],
      )
    : q.query<InvitationRow>(
        'invitations-of-invitee',
        `SELECT ${COLUMNS} FROM invitations WHERE app = $1 AND invitee_id = $2
         ORDER BY created_at DESC, room_id LIMIT $3`,
        [app, of.inviteeId, MAX_INVITATIONS],
      )
}

import type { Api } from '../api.ts'
import { FailedError } from '../command.ts'
import type { Progress } from '../progress.ts'

export type Person = { id: string; token: string; roomId: string; neighbours: number }

export type Crowd = {
  people: Person[]
  roomIds: string[]
  /** Deletes the rooms and revokes the tokens; the users stay, since nobody can be deleted. */
  leave(): Promise<void>
}

/** The same users run after run, in rooms of the run's own. */
const USER_PREFIX = 'load-user-'
const ROOM_SIZE = 10
const BATCH = 500
const TOKEN_LIFETIME_MS = 7_200_000

export async function gather(api: Api, run: string, count: number, progress: Progress): Promise<Crowd> {
  const ids = Array.from({ length: count }, (_, i) => `${USER_PREFIX}${i + 1}`)
  const expirationDate = new Date(Date.now() + TOKEN_LIFETIME_MS).toISOString()
  const people: Person[] = []
  const roomIds: string[] = []

  async function leave(): Promise<void> {
    const undo = [
      ...roomIds.map((id) => () => api.call('DELETE', `/rooms/${id}`)),
      ...people.map(
        ({ id, token }) =>
          () =>
            api.call('DELETE', `/admin/clients/${id}/token`, { token }),
      ),
    ]
    let failures = 0
    for (const [i, step] of undo.entries()) {
      progress.at(i, undo.length, 'tidying up')
      await step().catch(() => failures++)
    }
    if (failures > 0)
      throw new FailedError(`${failures} of ${undo.length} rooms and tokens of this run could not be removed`)
  }

  try {
    for (let i = 0; i < ids.length; i += BATCH) {
      const data = ids.slice(i, i + BATCH).map((_id) => ({ _id, nickname: _id }))
      await api.call('POST', '/admin/clients/list', { data })
    }
    for (let i = 0; i < ids.length; i += ROOM_SIZE) {
      const members = ids.slice(i, i + ROOM_SIZE)
      const roomId = `load-${run}-${roomIds.length + 1}`
      await api.call('POST', '/rooms', { _id: roomId, name: roomId, members })
      roomIds.push(roomId)
      for (const id of members) {
        progress.at(people.length, count, 'making users, rooms and tokens')
        const token = `load-${crypto.randomUUID()}`
        await api.call('PUT', `/admin/clients/${id}/token`, { token, expirationDate })
        people.push({ id, token, roomId, neighbours: members.length })
      }
    }
    return { people, roomIds, leave }
  } catch (error) {
    await leave().catch(() => {})
    throw error
  }
}

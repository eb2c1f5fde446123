import type { Queryable } from '../store/database.ts'
import { shareFiles } from '../store/files.ts'

/** An address that clients make from an upload's answer. */
const FILE_ADDRESS = /\/files\/[A-Za-z0-9._-]{1,63}\/([0-9a-f]{32})\b/g
const MAX_SHARED = 50

/**
 * Files that a message shows become readable where it is sent, as far as its sender may read them: clients pass files
 * on by sending their addresses again.
 */
export async function shareFilesOf(
  q: Queryable,
  app: string,
  message: { roomId: string; senderId: string | undefined; message: string | null; fields: string },
): Promise<void> {
  if (message.senderId === undefined) return
  const ids = new Set<string>()
  for (const text of [message.fields, message.message ?? ''])
    if (text.includes('/files/'))
      for (const [, id] of text.matchAll(FILE_ADDRESS)) if (id !== undefined) ids.add(id)
  if (ids.size === 0) return
  await shareFiles(q, app, message.senderId, message.roomId, [...ids].slice(0, MAX_SHARED))
}

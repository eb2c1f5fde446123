import type { ErrorCode } from '../errors.ts'

export type PollingQuery = { protocol: 3 | 4; sid: string | undefined }

const NODE_ID = /^([A-Za-z0-9_-]{1,32})\.[A-Za-z0-9_-]{1,128}$/
const ONCE = ['EIO', 'sid', 'transport']

/** The core that a session lives on: it writes its node id in front of the ids it gives. */
export const nodeIdOf = (sid: string): string | undefined => NODE_ID.exec(sid)?.[1]

/**
 * Reads the query of a Socket.IO request (any target, or just its query). Refused are a key given twice, and `j`:
 * it makes the core's session JSONP, whose bodies are wrapped in a form and would be read there only.
 */
export function readPollingQuery(target: string): PollingQuery | { refused: ErrorCode } {
  const query = new URLSearchParams(target.slice(target.indexOf('?') + 1))
  if (query.has('j') || ONCE.some((key) => query.getAll(key).length > 1)) return { refused: 'BAD_REQUEST' }
  return { protocol: query.get('EIO') === '4' ? 4 : 3, sid: query.get('sid') ?? undefined }
}

import { SYSTEM_TYPES } from './system-message.ts'

type Content = { messageType: string; message?: unknown; fields: Record<string, unknown> }

/** What the server cannot read, or said itself, is not found by its text. */
const UNSEARCHED = new Set([...SYSTEM_TYPES, 'recall', 'encrypted'])

/** The text that a message is found by: its own, and the name of its file. */
export function searchableText({ messageType, message, fields }: Content): string | undefined {
  if (UNSEARCHED.has(messageType)) return undefined
  const texts = [message, fileNameOf(fields.extra)].filter((text) => typeof text === 'string' && text !== '')
  return texts.length === 0 ? undefined : texts.join('\n')
}

/** Clients give `extra` as an object or as its JSON; the old ones name the file `title`. */
function fileNameOf(extra: unknown): unknown {
  const given = typeof extra === 'string' ? parseObject(extra) : extra
  if (typeof given !== 'object' || given === null) return undefined
  if ('fileName' in given) return given.fileName
  return 'title' in given ? given.title : undefined
}

function parseObject(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** Multipart bodies, part by part as they come: nothing of a file is held in memory. */
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { IncomingFile } from '../chat/files.ts'
import { CoreError } from '../errors.ts'

export type UploadPart =
  | { kind: 'field'; name: string; text: string }
  /** To be read before the next part is asked for. */
  | { kind: 'file'; name: string; file: IncomingFile }

export type Upload = {
  /** @throws CoreError UNSUPPORTED_MEDIA_TYPE, INVALID_BODY, PAYLOAD_TOO_LARGE */
  parts(): AsyncIterable<UploadPart>
  /** Aborted when the sender is gone, or too slow. */
  signal: AbortSignal
}

export type UploadLimits = {
  /** Without a byte. */
  idleMs: number
  /** From beginning to end. */
  totalMs: number
  /** At once, of one credential. */
  perCaller: number
  /** At once. */
  total: number
}

export const UPLOAD_LIMITS: UploadLimits = { idleMs: 30_000, totalMs: 900_000, perCaller: 16, total: 512 }

/** For the multipart reader; a file's own size is its reader's to limit. */
export const PART_LIMITS = {
  files: 1,
  fields: 8,
  parts: 10,
  fieldNameSize: 100,
  fieldSize: 65_536,
  headerPairs: 32,
  fileSize: Number.MAX_SAFE_INTEGER,
}

/** For routes that read no multipart body. */
export const NO_UPLOAD: Upload = {
  parts() {
    throw new CoreError('UNSUPPORTED_MEDIA_TYPE')
  },
  signal: AbortSignal.abort(),
}

export type Uploads = {
  /** Takes a body in for as long as `work` reads it. @throws CoreError TOO_MANY_REQUESTS, REQUEST_TIMEOUT */
  receive<T>(
    request: FastifyRequest,
    reply: FastifyReply,
    caller: string,
    work: (upload: Upload) => Promise<T>,
  ): Promise<T>
}

export function createUploads(limits: UploadLimits): Uploads {
  const running = new Map<string, number>()
  let total = 0

  function enter(caller: string): void {
    const count = running.get(caller) ?? 0
    if (count >= limits.perCaller || total >= limits.total)
      throw new CoreError('TOO_MANY_REQUESTS', 'Too many uploads are under way.')
    running.set(caller, count + 1)
    total += 1
  }

  function leave(caller: string): void {
    const count = (running.get(caller) ?? 1) - 1
    if (count === 0) running.delete(caller)
    else running.set(caller, count)
    total -= 1
  }

  return {
    async receive(request, reply, caller, work) {
      enter(caller)
      const watch = watchSender(request, limits)
      try {
        return await work({ parts: () => readParts(request, watch.signal), signal: watch.signal })
      } catch (error) {
        // What is left of the body is not read any more.
        if (!request.raw.complete) reply.header('connection', 'close')
        throw watch.signal.aborted ? watch.signal.reason : error
      } finally {
        watch.stop()
        leave(caller)
      }
    },
  }
}

function watchSender(
  request: FastifyRequest,
  limits: UploadLimits,
): { signal: AbortSignal; stop: () => void } {
  const controller = new AbortController()
  const { socket } = request.raw
  const startedMs = performance.now()
  let seenBytes = socket.bytesRead
  let seenMs = startedMs
  const late = () => controller.abort(new CoreError('REQUEST_TIMEOUT'))
  const timer = setInterval(
    () => {
      const nowMs = performance.now()
      if (socket.bytesRead > seenBytes) {
        seenBytes = socket.bytesRead
        seenMs = nowMs
      }
      if (nowMs - startedMs > limits.totalMs || nowMs - seenMs > limits.idleMs) late()
    },
    Math.min(1_000, limits.idleMs / 2),
  ).unref()
  const gone = () => controller.abort(new CoreError('INVALID_BODY', 'It ended early.'))
  socket.once('close', gone)
  return {
    signal: controller.signal,
    stop() {
      clearInterval(timer)
      socket.off('close', gone)
    },
  }
}

async function* readParts(request: FastifyRequest, signal: AbortSignal): AsyncGenerator<UploadPart> {
  if (!request.isMultipart()) throw new CoreError('UNSUPPORTED_MEDIA_TYPE', 'multipart/form-data is needed.')
  const { promise: aborted, reject } = Promise.withResolvers<never>()
  aborted.catch(() => {})
  const abort = () => reject(signal.reason)
  signal.addEventListener('abort', abort)
  try {
    const parts = request.parts()
    for (;;) {
      const { value: part, done } = await Promise.race([parts.next(), aborted])
      if (done) return
      if (part.type === 'file') {
        const { fieldname, filename, mimetype, file } = part
        yield { kind: 'file', name: fieldname, file: { filename, mediaType: mimetype, content: file } }
        file.resume()
      } else {
        if (part.valueTruncated || part.fieldnameTruncated) throw new CoreError('PAYLOAD_TOO_LARGE')
        const text = typeof part.value === 'string' ? part.value : JSON.stringify(part.value)
        yield { kind: 'field', name: part.fieldname, text }
      }
    }
  } catch (error) {
    throw isKnown(error)
      ? error
      : new CoreError('INVALID_BODY', 'Its parts cannot be read.', { cause: error })
  } finally {
    signal.removeEventListener('abort', abort)
  }
}

/** Ours, or the multipart reader's own with a status. */
const isKnown = (error: unknown): boolean =>
  error instanceof CoreError || (error instanceof Error && 'statusCode' in error)

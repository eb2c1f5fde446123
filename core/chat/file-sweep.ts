import { findUnfinished } from '../store/files.ts'
import { dropFile, type FileContext } from './files.ts'

const INTERVAL_MS = 600_000
/** No upload takes so long. */
const UNFINISHED_MS = 3_600_000
const AT_ONCE = 100

/** Removes what uploads have left whose process died. */
export async function sweepFiles(ctx: FileContext): Promise<number> {
  const before = new Date(ctx.chat.clock() - UNFINISHED_MS)
  const ids = await findUnfinished(ctx.chat.db, before, AT_ONCE)
  for (const id of ids) await dropFile(ctx, id)
  return ids.length
}

export function createFileSweep(ctx: FileContext): { close(): Promise<void> } {
  let sweeping: Promise<void> | undefined
  const sweep = () => {
    sweeping ??= sweepFiles(ctx)
      .then(
        (count) => {
          if (count > 0) ctx.chat.log.info({ event: 'files-swept', count }, 'unfinished files were removed')
        },
        (err: unknown) => ctx.chat.log.warn({ event: 'files-sweep-failed', err }, 'files cannot be swept'),
      )
      .finally(() => {
        sweeping = undefined
      })
  }
  const timer = setInterval(sweep, INTERVAL_MS).unref()
  sweep()
  return {
    async close() {
      clearInterval(timer)
      await sweeping
    },
  }
}

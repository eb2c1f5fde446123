export type Progress = { at(done: number, whole: number, says: string): void; end(): void }

const WIDTH = 24

/** A bar where somebody watches; nothing where the output goes to a file. */
export function createProgress(out: NodeJS.WriteStream): Progress {
  if (!out.isTTY) return { at: () => {}, end: () => {} }
  return {
    at(done, whole, says) {
      const part = whole === 0 ? 1 : Math.min(1, done / whole)
      const bar = '█'.repeat(Math.round(part * WIDTH)).padEnd(WIDTH, '░')
      out.write(`\r${bar} ${String(Math.floor(part * 100)).padStart(3)} %  ${says}\x1b[K`)
    },
    end: () => {
      out.write('\r\x1b[K')
    },
  }
}

import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import type { Scope } from '../../test/support/child-process.ts'

/** A process that makes load, and talks over the channel of its fork. */
export type Generator = {
  tell(word: string): void
  /** The next message that has this key. @throws where it ends before */
  hear<T>(key: string, timeoutMs: number): Promise<T>
}

export function startGenerator(scope: Scope, program: string, order: object): Generator {
  const child: ChildProcess = fork(join(import.meta.dirname, 'processes', program), [JSON.stringify(order)])
  scope.teardown(() => {
    child.kill()
  })
  return {
    tell: (word) => {
      child.send(word)
    },
    async hear<T>(key: string, timeoutMs: number) {
      const signal = AbortSignal.timeout(timeoutMs)
      const ended = once(child, 'exit', { signal }).then(([code]) => {
        throw new Error(`${program} ended with ${code}`)
      })
      ended.catch(() => {})
      for (;;) {
        const [message] = await Promise.race([once(child, 'message', { signal }), ended])
        if (typeof message === 'object' && message !== null && key in message) return message[key] as T
      }
    },
  }
}

import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import type { Scope } from '../../test/support/child-process.ts'

const PROCESSES = join(import.meta.dirname, 'processes')

/** A program of `processes/`, that talks by messages. */
export function startChild(scope: Scope, program: string, args: string[]): ChildProcess {
  const child = fork(join(PROCESSES, program), args, { execArgv: [] })
  scope.teardown(() => {
    child.kill()
  })
  return child
}

export async function hear<T>(child: ChildProcess, isIt: (message: unknown) => message is T): Promise<T> {
  for (;;) {
    const [message] = await once(child, 'message')
    if (isIt(message)) return message
  }
}

export const has =
  <K extends string>(...keys: K[]) =>
  (message: unknown): message is Record<K, unknown> =>
    typeof message === 'object' && message !== null && keys.every((key) => key in message)
export const is =
  <T extends string>(word: T) =>
  (message: unknown): message is T =>
    message === word

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { Test } from 'tap'
import type { Json } from '../support/api-client.ts'
import type { Stack } from '../support/stack.ts'

export const MAIN = fileURLToPath(new URL('../../deploy/im/main.ts', import.meta.url))

/** Most of a short command's time would go into reading the sources anew. */
const COMPILE_CACHE = fileURLToPath(new URL('../../node_modules/.cache/compile', import.meta.url))

export type Ran = { code: number | null; stdout: string; stderr: string; json: unknown }
export type RunOptions = { env?: Record<string, string>; input?: string }

/** `im` as at a shell that has nothing in its environment but what is given. */
export async function im(words: readonly string[], { env = {}, input = '' }: RunOptions = {}): Promise<Ran> {
  const child = spawn(process.execPath, [MAIN, ...words], {
    env: { PATH: process.env.PATH, NODE_COMPILE_CACHE: COMPILE_CACHE, ...env },
  })
  let stdout = ''
  let stderr = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text
  })
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text
  })
  child.stdin.on('error', () => {})
  child.stdin.end(input)
  const [code] = await once(child, 'close')
  return {
    code,
    stdout,
    stderr,
    json: words.includes('--json') && stdout !== '' ? JSON.parse(stdout) : undefined,
  }
}

/** What an operator and a customer of this stack have in their environments. */
export const operator = (stack: Stack) => ({ CORE_ADMIN_URL: stack.cores[0]?.adminUrl ?? '' })
export const customer = (stack: Stack) => ({ GATEWAY_URL: stack.url, PLATFORM_KEY: stack.keys.platformKey })

/** Runs lines that are to succeed without a word. */
export const succeeding = (t: Test, env: Record<string, string>) => async (line: string, input?: string) => {
  const ran = await im([...line.split(' '), '--json'], { env, ...(input !== undefined && { input }) })
  t.equal(ran.stderr, '', line)
  t.equal(ran.code, 0, line)
  return ran.json as Json
}

/** Secrets come from a file, the environment or a question, never from the command line: others can read that. */
import { readFile } from 'node:fs/promises'
import { createInterface } from 'node:readline'
import { Writable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { type Call, FailedError, UsageError } from './command.ts'

/** `-` is the standard input. @throws FailedError */
export async function readSecretFile(call: Call, path: string): Promise<string> {
  try {
    const secret = (path === '-' ? await text(call.terminal.input) : await readFile(path, 'utf8')).trim()
    if (secret !== '') return secret
  } catch (cause) {
    throw new FailedError(`${path} cannot be read (${codeOf(cause)})`, { cause })
  }
  throw new FailedError(`${path === '-' ? 'the standard input' : path} is empty`)
}

/** From `--<option>`, then `variable`, then whoever sits at the terminal. @throws UsageError, FailedError */
export async function secretOf(call: Call, option: string, variable: string, what: string): Promise<string> {
  const path = call.text(option)
  if (path !== undefined) return readSecretFile(call, path)
  const given = call.terminal.env[variable]?.trim()
  if (given) return given
  const { input, messages } = call.terminal
  if (!input.isTTY || !messages.isTTY)
    throw new UsageError(`${what} is missing: set ${variable}, or --${option} <file>`)
  return ask(call, what)
}

/** Nothing of what is typed is shown. */
async function ask({ terminal }: Call, what: string): Promise<string> {
  const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() })
  const lines = createInterface({ input: terminal.input, output: nowhere, terminal: true })
  terminal.messages.write(`${what}: `)
  try {
    return await new Promise<string>((resolve, reject) => {
      lines.once('line', (line) => resolve(line.trim()))
      lines.once('SIGINT', () => reject(new FailedError('stopped')))
      lines.once('close', () => reject(new FailedError('nothing was entered')))
    })
  } finally {
    lines.close()
    terminal.messages.write('\n')
  }
}

export const codeOf = (error: unknown): string => {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error
  if (cause instanceof Error && 'code' in cause && typeof cause.code === 'string') return cause.code
  return cause instanceof Error ? cause.name : 'failed'
}

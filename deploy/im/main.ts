#!/usr/bin/env node
import { type Answer, FailedError, type Terminal, UsageError } from './command.ts'
import { parseCommandLine } from './command-line.ts'
import { commands } from './commands.ts'

const EXIT = { failed: 1, usage: 2 }

async function main(): Promise<number> {
  const stopping = new AbortController()
  process.on('SIGINT', () => {
    // A second one means now.
    if (stopping.signal.aborted) process.exit(130)
    stopping.abort()
  })
  // Whoever reads only the first lines is not failed by the rest.
  process.stdout.on('error', () => process.exit(0))
  const { env, stdin: input, stderr: messages } = process
  const terminal: Terminal = { env, input, messages, stopped: stopping.signal }
  const line = parseCommandLine(process.argv.slice(2), commands, terminal)
  if ('help' in line) return print(line.help, 0)
  const { json, shown, failed = false }: Answer = await line.command.run(line.call)
  return print(line.asJson ? JSON.stringify(json, null, 2) : shown, failed ? EXIT.failed : 0)
}

function print(text: string, code: number): number {
  process.stdout.write(`${text.trimEnd()}\n`)
  return code
}

process.exitCode = await main().catch((error: unknown) => {
  const isKnown = error instanceof UsageError || error instanceof FailedError
  process.stderr.write(
    `im: ${isKnown ? error.message : error instanceof Error ? error.stack : String(error)}\n`,
  )
  return error instanceof UsageError ? EXIT.usage : EXIT.failed
})

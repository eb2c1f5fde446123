/** What every command of `im` is made of. */

/** The command line is wrong. Exit code 2. */
export class UsageError extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'UsageError'
  }
}

/** It did not work; the message says what to do. Exit code 1. */
export class FailedError extends Error {
  constructor(message: string, options?: { cause?: unknown }) {
    super(message, options)
    this.name = 'FailedError'
  }
}

export type Environment = Readonly<Record<string, string | undefined>>

/** The outside of the process. */
export type Terminal = {
  env: Environment
  input: NodeJS.ReadStream
  /** Beside the result: progress and questions. */
  messages: NodeJS.WriteStream
  /** Ctrl-C. */
  stopped: AbortSignal
}

export type Option = {
  says: string
  /** What its value is; without one it is a flag. */
  value?: string
}

export type Call = {
  terminal: Terminal
  positionals: readonly string[]
  flag(name: string): boolean
  text(name: string): string | undefined
  /** @throws UsageError where it is no whole number from `least` to `most` */
  count(name: string, usual: number, least: number, most: number): number
}

/** `shown` for people, `json` for programs. `failed`: the command did its work, and what it found is not well. */
export type Answer = { json: unknown; shown: string; failed?: boolean }

export type Command = {
  /** `keys rotate` */
  name: string
  says: string
  /** As in `<id>`; in brackets those that may be missing. */
  takes: readonly string[]
  options: Readonly<Record<string, Option>>
  /** More to know, below the options. */
  notes?: string
  run(call: Call): Promise<Answer>
}

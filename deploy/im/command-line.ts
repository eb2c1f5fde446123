/** From words to a command and its call, or to help. */
import { parseArgs } from 'node:util'
import { type Call, type Command, type Option, type Terminal, UsageError } from './command.ts'

const EVERYWHERE: Record<string, Option> = {
  json: { says: 'answer as JSON' },
  help: { says: 'say what this is for' },
}

export type CommandLine = { help: string } | { command: Command; call: Call; asJson: boolean }

/** @throws UsageError */
export function parseCommandLine(
  words: readonly string[],
  commands: readonly Command[],
  terminal: Terminal,
): CommandLine {
  const wanted = words[0] === 'help' ? words.slice(1) : words
  const asked = words[0] === 'help' || words.length === 0 || /^(--help|-h)$/.test(words[0] ?? '')
  const command = commands.find(({ name }) => name.split(' ').every((word, i) => wanted[i] === word))
  if (command === undefined) {
    const family = commands.filter(({ name }) => name.startsWith(`${wanted[0]} `))
    const help = asked || family.length > 0
    if (help && (wanted.length <= 1 || /^(--help|-h)$/.test(wanted[1] ?? '')))
      return { help: overview(family.length > 0 ? family : commands) }
    throw new UsageError(
      `there is no command "${wanted.slice(0, family.length > 0 ? 2 : 1).join(' ')}": im help lists them`,
    )
  }
  if (asked) return { help: helpOf(command) }
  const { values, positionals } = parseOptions(command, words.slice(command.name.split(' ').length))
  if (values.help) return { help: helpOf(command) }
  checkPositionals(command, positionals)
  return { command, call: callOf(values, positionals, terminal), asJson: values.json === true }
}

type Values = Record<string, string | boolean | undefined>

function parseOptions(command: Command, args: string[]): { values: Values; positionals: string[] } {
  const known = Object.entries({ ...command.options, ...EVERYWHERE })
  const options = Object.fromEntries(
    known.map(([name, { value }]) => [
      name,
      {
        type: value === undefined ? ('boolean' as const) : ('string' as const),
        ...(name === 'help' && { short: 'h' }),
      },
    ]),
  )
  try {
    const { values, positionals } = parseArgs({ args, options, allowPositionals: true })
    return { values: values as Values, positionals }
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined
    if (!String(code).startsWith('ERR_PARSE_ARGS')) throw error
    const [, named] = /'(?:-\w, )?(-[^ ']*)/.exec(String(error)) ?? []
    const why =
      code === 'ERR_PARSE_ARGS_UNKNOWN_OPTION'
        ? `${named} is not an option here`
        : `${named} needs a value, or takes none`
    throw new UsageError(`${why}: im ${command.name} --help`)
  }
}

function checkPositionals({ name, takes }: Command, given: readonly string[]): void {
  const least = takes.filter((word) => word.startsWith('<')).length
  const most = takes.some((word) => word.includes('…')) ? Infinity : takes.length
  if (given.length < least) throw new UsageError(`${takes[given.length]} is missing: im ${name} --help`)
  if (given.length > most) throw new UsageError(`"${given[most]}" is too much: im ${name} --help`)
}

function callOf(values: Values, positionals: readonly string[], terminal: Terminal): Call {
  const text = (name: string) => (typeof values[name] === 'string' ? values[name] : undefined)
  return {
    terminal,
    positionals,
    text,
    flag: (name) => values[name] === true,
    count(name, usual, least, most) {
      const given = text(name)
      const value = given === undefined ? usual : Number(given)
      if (given !== undefined && (!/^\d+$/.test(given) || value < least || value > most))
        throw new UsageError(`--${name} is not a whole number from ${least} to ${most}`)
      return value
    },
  }
}

const overview = (commands: readonly Command[]): string =>
  `Usage: im <command> [options]\n\n${columns(commands.map(({ name, says }) => [name, says]))}\n\n` +
  'im <command> --help says more. Exit codes: 0 done, 1 failed, 2 the command line is wrong.'

function helpOf({ name, says, takes, options, notes }: Command): string {
  const shown = Object.entries({ ...options, ...EVERYWHERE })
  const rows = shown.map(([option, { value, says }]) => [
    `--${option}${value === undefined ? '' : ` <${value}>`}`,
    says,
  ])
  const usage = ['im', name, ...takes, '[options]'].join(' ')
  return `${says[0]?.toUpperCase()}${says.slice(1)}.\n\nUsage: ${usage}\n\n${columns(rows)}${notes === undefined ? '' : `\n\n${notes}`}`
}

function columns(rows: readonly (readonly string[])[]): string {
  const width = Math.max(...rows.map(([first = '']) => first.length))
  return rows.map(([first = '', second]) => `  ${first.padEnd(width)}  ${second}`).join('\n')
}

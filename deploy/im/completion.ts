import { type Command, UsageError } from './command.ts'

const SHELLS = ['bash', 'zsh']

export const completionCommand = (commands: readonly Command[]): Command => ({
  name: 'completion',
  says: 'write what a shell needs to complete `im`',
  takes: [`<${SHELLS.join('|')}>`],
  options: {},
  notes: 'bash: eval "$(im completion bash)"     zsh: eval "$(im completion zsh)"     in its start file',
  async run({ positionals: [shell = ''] }) {
    if (!SHELLS.includes(shell))
      throw new UsageError(`"${shell}" is not a shell that is known here: ${SHELLS.join(' or ')}`)
    const script = (shell === 'zsh' ? ZSH_START : '') + bashScript(commands)
    return { json: script, shown: script }
  },
})

/** zsh reads bash's way of completing. */
const ZSH_START = 'autoload -Uz compinit bashcompinit && compinit && bashcompinit\n'

const takesFile = (takes: readonly string[]): boolean => takes.some((what) => what.startsWith('<file'))

function bashScript(commands: readonly Command[]): string {
  const families = [...new Set(commands.map(({ name }) => name.split(' ', 1)[0] ?? '')), 'completion', 'help']
  const seconds = families.flatMap((family) => {
    const words = commands.flatMap(({ name }) =>
      name.startsWith(`${family} `) ? name.slice(family.length + 1) : [],
    )
    return words.length === 0 ? [] : [`    ${family}) words="${words.join(' ')}" ;;`]
  })
  const ofFiles = commands.flatMap(({ name, takes }) => (takesFile(takes) ? [`"${name} "*`] : []))
  const options = commands.map(({ name, options, takes }) => {
    const names = [...Object.keys(options), 'json', 'help'].map((option) => `--${option}`)
    const alternatives = takesFile(takes) ? undefined : takes.join(' ').match(/[a-z-]+(?:\|[a-z-]+)+/)
    const kinds = alternatives?.[0].split('|') ?? []
    return `    "${name}") words="${[...names, ...kinds].join(' ')}" ;;`
  })
  return `_im() {
  local words="" now="\${COMP_WORDS[COMP_CWORD]}" before="\${COMP_WORDS[COMP_CWORD-1]}"
  case "$before" in
    --*-file|--settings|--environment) COMPREPLY=($(compgen -f -- "$now")); return ;;
  esac
  case "\${COMP_WORDS[*]:1:COMP_CWORD}|$now" in
    *"|-"*) ;;
    ${ofFiles.join('|')}) COMPREPLY=($(compgen -f -- "$now")); return ;;
  esac
  if [ "$COMP_CWORD" -eq 1 ]; then words="${families.join(' ')}"
  elif [ "$COMP_CWORD" -eq 2 ]; then case "\${COMP_WORDS[1]}" in
${seconds.join('\n')}
  esac; fi
  if [ -z "$words" ]; then case "\${COMP_WORDS[1]} \${COMP_WORDS[2]}" in
${options.filter((line) => line.includes('" ') && / /.test(line.trim().split('"')[1] ?? '')).join('\n')}
  esac; fi
  if [ -z "$words" ]; then case "\${COMP_WORDS[1]}" in
${options.filter((line) => !/ /.test(line.trim().split('"')[1] ?? '')).join('\n')}
  esac; fi
  COMPREPLY=($(compgen -W "$words" -- "$now"))
}
complete -F _im im
`
}

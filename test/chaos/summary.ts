/** A run in figures. */
import type { ChaosReport } from './chaos.ts'
import { FAULTS } from './faults.ts'
import type { Struck } from './nemesis.ts'

const MAX_VIOLATIONS_SHOWN = 20

export function summarise({
  violations,
  history,
  struck,
  users,
  movedUnnoticed,
  failed,
  errorLines,
}: ChaosReport): string {
  const { operations, sightings, final, webhooks, revocations } = history
  const sends = operations.filter(({ kind }) => kind === 'send')
  const acknowledged = new Set(
    sends.flatMap((send) => (send.kind === 'send' && send.outcome === 'acknowledged' ? [send.key] : [])),
  )
  const count = (kind: string, outcome: string) =>
    operations.filter((operation) => operation.kind === kind && operation.outcome === outcome).length
  const stored = Object.values(final).reduce((sum, { messages }) => sum + messages.length, 0)
  const pushed = sightings.filter(({ via }) => via === 'socket').length
  const alone = struck.filter(({ kinds }) => kinds.length === 1)
  const together = struck.filter(({ kinds }) => kinds.length > 1)
  const faults = struck.reduce((sum, { kinds }) => sum + kinds.length, 0)
  const lines = [
    `faults ${faults}, messages acknowledged ${acknowledged.size}, stored ${stored}, sends repeated ${users.repeats}`,
    `edits acknowledged ${count('edit', 'acknowledged')}, recalls ${count('recall', 'acknowledged')}, read marks ${count('mark-read', 'acknowledged')}, operations of unknown outcome ${operations.filter(({ outcome }) => outcome === 'unknown').length} of ${operations.length}`,
    `pushed over sockets ${pushed}, sockets opened ${users.connections}, catch-ups ${users.catchUps}, resets ${users.resets}, rooms found moved at the end ${movedUnnoticed}`,
    `webhook calls ${webhooks.length}, revocations ${revocations.length}, error lines of the services ${errorLines.length}, ended by themselves ${failed.length}`,
    'fault                       times   recovery ms: median   longest',
    ...FAULTS.flatMap((kind) =>
      row(
        kind,
        alone.filter(({ kinds }) => kinds[0] === kind),
      ),
    ),
    ...row('two at once', together),
    ...together.map(
      ({ kinds, recoveryMs }) => `  ${kinds.join(' + ').padEnd(50)} ${recoveryMs.toFixed(0).padStart(7)}`,
    ),
    `violations ${violations.length}`,
    ...violations.slice(0, MAX_VIOLATIONS_SHOWN).map(({ guarantee, detail }) => `  ${guarantee}: ${detail}`),
  ]
  return lines.join('\n')
}

function row(name: string, struck: readonly Struck[]): string[] {
  const times = struck.map(({ recoveryMs }) => recoveryMs).sort((one, other) => one - other)
  if (times.length === 0) return []
  const [median = 0, longest = 0] = [times[Math.floor(times.length / 2)], times.at(-1)]
  const cells = [
    `${times.length}`.padStart(5),
    median.toFixed(0).padStart(21),
    longest.toFixed(0).padStart(9),
  ]
  return [`${name.padEnd(28)}${cells.join(' ')}`]
}

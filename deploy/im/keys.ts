import { type Fields, listOf } from './api.ts'
import { type Call, type Command, UsageError } from './command.ts'
import { ofApp, WHOSE_APP } from './of-app.ts'
import { table } from './table.ts'

const KINDS = ['platform-key', 'client-key']

const told = (key: Fields): string =>
  `${key.secret}\n\nThe ${key.kind} ${key.id}. It is told this once: keep it where your secrets are.`

/** `12h`, `30m`, `2d` from now, or a time as ISO 8601. */
export function timeOf(text: string, now: number): string {
  const [, amount, unit = ''] = /^(\d{1,5})([mhd])$/.exec(text) ?? []
  const unitMs = { m: 60_000, h: 3_600_000, d: 86_400_000 }[unit]
  const at = unitMs === undefined ? new Date(text) : new Date(now + Number(amount) * unitMs)
  if (Number.isNaN(at.getTime()))
    throw new UsageError(`"${text}" is neither 30m, 12h or 2d nor a time such as 2040-01-31T12:00:00Z`)
  return at.toISOString()
}

const optionalTime = (call: Call, option: string, field: string): Fields => {
  const text = call.text(option)
  return text === undefined ? {} : { [field]: timeOf(text, Date.now()) }
}

const idPath = (path: string, call: Call): string =>
  `${path}/keys/${encodeURIComponent(String(call.positionals[0]))}`

export const keyCommands: Command[] = [
  {
    name: 'keys list',
    says: 'list an app’s platform and client keys, ended ones included',
    takes: [],
    options: WHOSE_APP,
    async run(call) {
      const { api, path } = await ofApp(call)
      const answer = await api.call('GET', `${path}/keys`)
      const keys = listOf(answer.keys ?? answer.data)
      const rows = keys.map((key) => [key.id, key.kind, key.state, key.prefix, key.expiresAt, key.lastUsedAt])
      return {
        json: keys,
        shown: table(['ID', 'KIND', 'STATE', 'BEGINS', 'ENDS', 'LAST USED'], rows, 'There are no keys.'),
      }
    },
  },
  {
    name: 'keys create',
    says: 'make a key and tell its secret, this once',
    takes: ['<platform-key|client-key>'],
    options: {
      ...WHOSE_APP,
      from: { value: 'time', says: 'when it begins: 30m, 12h, 2d, or a time' },
      until: { value: 'time', says: 'when it ends' },
    },
    async run(call) {
      const [kind = ''] = call.positionals
      if (!KINDS.includes(kind)) throw new UsageError(`"${kind}" is not a kind of key: ${KINDS.join(' or ')}`)
      const validity = {
        ...optionalTime(call, 'from', 'notBefore'),
        ...optionalTime(call, 'until', 'expiresAt'),
      }
      const { api, path } = await ofApp(call)
      const key = await api.call('POST', `${path}/keys`, { kind, ...validity })
      return { json: key, shown: told(key) }
    },
  },
  {
    name: 'keys rotate',
    says: 'make a key in the place of another, which stays good for a while',
    takes: ['<id>'],
    options: {
      ...WHOSE_APP,
      overlap: { value: 'time', says: 'how long the old one stays good: 30m, 12h, 2d (1d)' },
    },
    async run(call) {
      const until = optionalTime(call, 'overlap', 'until')
      const { api, path } = await ofApp(call)
      const key = await api.call('POST', `${idPath(path, call)}/rotate`, until)
      return {
        json: key,
        shown: `${told(key)}\nThe old one, ${call.positionals[0]}, is good until ${until.until ?? 'this time tomorrow'}.`,
      }
    },
  },
  {
    name: 'keys revoke',
    says: 'end a key at once, on every gateway',
    takes: ['<id>'],
    options: WHOSE_APP,
    async run(call) {
      const { api, path } = await ofApp(call)
      await api.call('DELETE', idPath(path, call))
      return { json: { id: call.positionals[0] }, shown: `${call.positionals[0]} is revoked.` }
    },
  },
]

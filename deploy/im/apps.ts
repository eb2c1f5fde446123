import { readFile } from 'node:fs/promises'
import { type Fields, fieldsOf, listOf, OPERATOR_OPTIONS, operatorApi } from './api.ts'
import { type Call, type Command, FailedError } from './command.ts'
import { ofApp, WHOSE_APP } from './of-app.ts'
import { codeOf } from './secrets.ts'
import { table } from './table.ts'

const describe = (app: Fields): string =>
  `${app.app}, made ${app.createdAt}\n${JSON.stringify(app.settings, null, 2)}`

async function readSettings(path: string): Promise<unknown> {
  try {
    return JSON.parse(await readFile(path, 'utf8'))
  } catch (cause) {
    const why = cause instanceof SyntaxError ? 'is not JSON' : `cannot be read (${codeOf(cause)})`
    throw new FailedError(`${path} ${why}`, { cause })
  }
}

const settingsFile = { value: 'file', says: 'settings as JSON, as `apps show` writes them' }

async function change(call: Call, settings: unknown): Promise<Fields> {
  const { api, path } = await ofApp(call)
  return api.call('PUT', `${path}/settings`, settings)
}

export const appCommands: Command[] = [
  {
    name: 'apps list',
    says: 'list the apps',
    takes: [],
    options: OPERATOR_OPTIONS,
    async run(call) {
      const { apps } = await (await operatorApi(call)).call('GET', '/apps')
      const rows = listOf(apps).map(({ app, createdAt }) => [app, createdAt])
      return { json: apps, shown: table(['APP', 'MADE'], rows, 'There is no app yet: im apps create <app>') }
    },
  },
  {
    name: 'apps create',
    says: 'make an app; it has no keys yet',
    takes: ['<app>'],
    options: { ...OPERATOR_OPTIONS, settings: settingsFile },
    async run(call) {
      const [app] = call.positionals
      const path = call.text('settings')
      const settings = path === undefined ? undefined : await readSettings(path)
      const made = await (await operatorApi(call)).call('POST', '/apps', {
        app,
        ...(settings !== undefined && { settings }),
      })
      return { json: made, shown: `${app} is made. Its first keys: im keys create --app ${app} platform-key` }
    },
  },
  {
    name: 'apps show',
    says: 'show an app and its settings',
    takes: [],
    options: WHOSE_APP,
    async run(call) {
      const { api, path } = await ofApp(call)
      const app = await api.call('GET', path)
      return { json: app, shown: describe(app) }
    },
  },
  {
    name: 'apps set',
    says: 'change the settings that a file names',
    takes: ['<file>'],
    options: WHOSE_APP,
    notes: 'A setting that is null goes back to the default of the deployment.',
    async run(call) {
      const app = await change(call, await readSettings(String(call.positionals[0])))
      return { json: app, shown: describe(app) }
    },
  },
  {
    name: 'apps allow-list',
    says: 'show or replace the addresses that may use platform keys',
    takes: ['[address…]'],
    options: { ...WHOSE_APP, everywhere: { says: 'let every address use them again' } },
    notes: 'Addresses and networks such as 10.0.0.0/8. They replace the list; without any it is shown.',
    async run(call) {
      const given = call.positionals
      const { api, path } = await ofApp(call)
      const app =
        call.flag('everywhere') || given.length > 0
          ? await api.call('PUT', `${path}/settings`, { platformSources: given })
          : await api.call('GET', path)
      const sources = fieldsOf(app.settings).platformSources
      const lines = Array.isArray(sources) ? sources.map(String) : []
      return {
        json: lines,
        shown: lines.length === 0 ? 'Every address may use platform keys.' : lines.join('\n'),
      }
    },
  },
]

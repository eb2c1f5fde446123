import { glob, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Caller, Route } from '../../core/http/route.ts'
import { routes } from '../../core/http/routes.ts'

const ROOT = join(import.meta.dirname, '../..')

export const TABLE_PATH = join(ROOT, 'docs/endpoints.md')

/** Where an endpoint's behaviour is tested; what runs over all of them alike says nothing about one. */
const TESTS = ['test/contract/**/*.test.ts', 'test/core/**/*.test.ts', 'test/e2e/**/*.test.ts']
const GENERATED = ['authorisation-matrix', 'bad-input', 'many-apps', 'openapi', 'endpoints'].map(
  (name) => `test/core/http/${name}.test.ts`,
)

export type EndpointRow = { endpoint: string; caller: Caller; test: string | undefined }

/** Every endpoint of the server, with the first test that calls it. */
export async function endpointRows(): Promise<EndpointRow[]> {
  const tests = await readTests()
  return routes
    .map((route) => ({
      endpoint: `${route.method} ${route.path}`,
      caller: route.caller,
      test: tests.find(({ calls }) => calls.some((call) => call === route))?.path,
    }))
    .sort((a, b) => compare(pathOf(a), pathOf(b)) || compare(a.endpoint, b.endpoint))
}

const pathOf = ({ endpoint }: EndpointRow): string => endpoint.split(' ')[1] ?? ''
const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)

async function readTests(): Promise<Array<{ path: string; calls: Route[] }>> {
  const paths: string[] = []
  for (const pattern of TESTS)
    for await (const path of glob(pattern, { cwd: ROOT })) if (!GENERATED.includes(path)) paths.push(path)
  // The contract's own tests first.
  paths.sort(
    (a, b) =>
      Number(b.startsWith('test/contract/')) - Number(a.startsWith('test/contract/')) || compare(a, b),
  )
  return Promise.all(
    paths.map(async (path) => ({ path, calls: callsIn(await readFile(join(ROOT, path), 'utf8')) })),
  )
}

/** `'POST', '/rooms'`, or a helper that is named after its method: `post(ann, '/rooms'`. */
const CALL = /(?:'(GET|POST|PUT|DELETE)'|\b(get|post|put|delete)\(\w+),\s*(?:'(\/[^']*)'|`(\/[^`]*)`)/g

/** The endpoints that a test names as a method and a path next to each other; what is filled in may be anything. */
export function callsIn(text: string): Route[] {
  const calls: Route[] = []
  for (const [, named, helper, plain, template] of text.matchAll(CALL)) {
    const method = named ?? helper?.toUpperCase()
    const path = plain ?? (template ?? '').replaceAll(/\$\{[^}]*\}/g, FILLED)
    const route = method === undefined ? undefined : findRoute(method, path)
    if (route !== undefined) calls.push(route)
  }
  return calls
}

const FILLED = '\u0000'

/** As the router finds it: at each place a name goes before a parameter. */
function findRoute(method: string, path: string): Route | undefined {
  const segments = path.split('?', 1)[0]?.replace(/\/$/, '').split('/') ?? []
  const fits = (route: Route) => {
    const names = route.path.split('/')
    return (
      route.method === method &&
      names.length === segments.length &&
      names.every(
        (name, i) => name === segments[i] || ((name.startsWith(':') || name === '*') && segments[i] !== ''),
      )
    )
  }
  const places = (route: Route) =>
    route.path
      .split('/')
      .map((name) => (name.startsWith(':') || name === '*' ? '1' : '0'))
      .join('')
  return routes.filter(fits).sort((a, b) => compare(places(a), places(b)))[0]
}

const CALLERS: Record<Caller, string> = {
  platform: 'platform key',
  user: 'client, or a platform key that acts for one',
  any: 'client, or platform key',
  'client-key': 'client key',
  nobody: 'anyone',
  sandbox: 'platform key; in a sandbox, client key',
  signed: 'client, or platform key, or signed address',
}

/** The document `docs/endpoints.md`. */
export function renderTable(rows: readonly EndpointRow[]): string {
  const lines = rows.map(
    ({ endpoint, caller, test }) =>
      `| \`${endpoint}\` | ${CALLERS[caller]} | ${test === undefined ? '–' : test} |`,
  )
  return [
    '# Endpoints',
    '',
    'Every endpoint of the core, who may call it, and the test that describes it first. Made from the routes by',
    '`npm run docs:endpoints`; a test fails where it is stale, where an endpoint of the contract is missing, and where one',
    'has no test. Beside the named test all of them are covered by the authorisation matrix, the bad input and the many',
    'apps under `test/core/http/`.',
    '',
    `${rows.length} endpoints.`,
    '',
    '| endpoint | caller | test |',
    '|---|---|---|',
    ...lines,
    '',
  ].join('\n')
}

import { glob, readFile } from 'node:fs/promises'
import { basename, dirname, join, relative } from 'node:path'
import t from 'tap'

const ROOT = join(import.meta.dirname, '../..')

/** Higher floors may use lower ones and their own; never the other way round. The longest prefix counts. */
const FLOORS: Readonly<Record<string, number>> = {
  'core/contract/': 0,
  'gateway/errors.ts': 0,
  'gateway/afterwards.ts': 0,
  'gateway/batch.ts': 0,
  'gateway/node-socket.ts': 0,
  'gateway/read-into.ts': 0,
  'gateway/text-writer.ts': 0,
  'gateway/two-ages.ts': 0,
  'gateway/config.ts': 1,
  'gateway/authn/': 1,
  'gateway/headers/': 1,
  'gateway/limits/': 1,
  'gateway/upstream/': 1,
  'gateway/observe/': 2,
  'gateway/pipeline.ts': 2,
  'gateway/reload.ts': 3,
  'gateway/http/': 3,
  'gateway/console/': 3,
  'gateway/tunnel/': 3,
  'gateway/observe/observe-parts.ts': 4,
  'gateway/gateway.ts': 4,
  'gateway/main.ts': 5,
  'core/errors.ts': 0,
  'core/chat/model.ts': 0,
  'core/chat/events.ts': 0,
  'core/closing.ts': 1,
  'core/listen.ts': 1,
  'core/config.ts': 1,
  'core/outside-config.ts': 1,
  'core/files-config.ts': 1,
  'core/sockets-config.ts': 1,
  'core/files/': 1,
  'core/observe/': 1,
  'core/store/': 1,
  'core/credentials/': 1,
  'core/identity/': 1,
  'core/chat/': 2,
  'core/wire/': 2,
  'core/outbox/': 2,
  'core/batches/': 2,
  'core/admin/': 3,
  'core/http/': 3,
  'core/internal/': 3,
  'core/realtime/': 3,
  'core/reports/': 3,
  'core/core.ts': 4,
  'core/main.ts': 5,
}

/** Files that are longer than LONGEST_FILE, each with the reason why splitting it would make it worse. */
const LONG_FILES: Readonly<Record<string, string>> = {}
const LONGEST_FILE = 300

const UNTELLING_NAMES =
  /^(utils?|helpers?|common|manager|service|services|data|info|handler|handlers|misc|shared|index)$/

type Source = { path: string; text: string; imports: string[] }

const IMPORT =
  /^\s*(?:import|export)\b[^'"`;]*?\bfrom\s*['"]([^'"]+)['"]|^\s*import\s*['"]([^'"]+)['"]|\bimport\(\s*['"]([^'"]+)['"]\s*\)/gm

async function readSources(...folders: string[]): Promise<Source[]> {
  const sources: Source[] = []
  for (const folder of folders) {
    for await (const path of glob(`${folder}/**/*.ts`, { cwd: ROOT })) {
      const text = await readFile(join(ROOT, path), 'utf8')
      sources.push({ path, text, imports: importsOf(path, text) })
    }
  }
  return sources.sort((a, b) => (a.path < b.path ? -1 : 1))
}

/** Our own files as paths from the root, everything else as it is written. */
function importsOf(path: string, text: string): string[] {
  return [...text.matchAll(IMPORT)].map((match) => {
    const named = match[1] ?? match[2] ?? match[3] ?? ''
    if (named.startsWith('.')) return relative(ROOT, join(ROOT, dirname(path), named))
    if (named.startsWith('#contract/')) return `core/contract/${named.slice('#contract/'.length)}`
    return named
  })
}

function floorOf(path: string): number | undefined {
  const prefixes = Object.keys(FLOORS).filter((prefix) => path.startsWith(prefix))
  const longest = prefixes.sort((a, b) => b.length - a.length)[0]
  return longest === undefined ? undefined : FLOORS[longest]
}

const isContract = (path: string): boolean => path.startsWith('core/contract/')

/** A process of its own: its entry, or the entry of a thread or child that it starts. */
const isProcessEdge = (path: string): boolean =>
  basename(path) === 'main.ts' || path.startsWith('deploy/embedded/')

/** Code with its comments and texts blanked, so that a word in prose is not taken for a use. */
function codeOf(text: string): string {
  return text.replace(/\/\*[\s\S]*?\*\/|(?<!:)\/\/[^\n]*|'(?:[^'\\\n]|\\.)*'/g, '')
}

const sources = await readSources('gateway', 'core', 'deploy')
const towers = sources.filter(({ path }) => !path.startsWith('deploy/'))

t.test('the sources are found and their imports are read', async (t) => {
  t.ok(towers.length > 20)
  t.ok(sources.some(({ imports }) => imports.some(isContract)))
  const text =
    "import a from './a.ts'\nexport {\n  b,\n} from '../b.ts'\nimport './c.ts'\nconst d = await import('#contract/d.ts')\n"
  t.same(importsOf('gateway/http/x.ts', text), [
    'gateway/http/a.ts',
    'gateway/b.ts',
    'gateway/http/c.ts',
    'core/contract/d.ts',
  ])
})

t.test('gateway and core share the contract and nothing else', async (t) => {
  for (const { path, imports } of towers) {
    const foreign = path.startsWith('gateway/') ? 'core/' : 'gateway/'
    t.same(
      imports.filter((target) => target.startsWith(foreign) && !isContract(target)),
      [],
      path,
    )
  }
})

t.test('the contract is reached by its name from everywhere but itself', async (t) => {
  for (const { path, text } of sources.filter((source) => !isContract(source.path)))
    t.notMatch(text, /from\s*['"]\.[^'"]*\/contract\//, path)
})

/** Where gateway and core open their Redis, so that both mean the same by an address of it. */
const REDIS_FILES = ['core/contract/redis.ts', 'core/contract/redis-channels.ts']

t.test('Redis is opened in one place', async (t) => {
  for (const { path, imports } of sources)
    if (imports.includes('ioredis')) t.ok(REDIS_FILES.includes(path), path)
})

const isTracing = (target: string): boolean => target.startsWith('@opentelemetry/')

t.test('OpenTelemetry is loaded in one place, and only when tracing is switched on', async (t) => {
  for (const { path, text, imports } of sources) {
    if (!imports.some(isTracing)) continue
    t.equal(path, 'core/contract/tracer.ts')
    t.notMatch(text, /^import (?!type )[^\n]*'@opentelemetry/m)
  }
})

t.test('the contract imports node alone, what is loaded on demand, and Redis in its place', async (t) => {
  for (const { path, imports } of sources.filter((source) => isContract(source.path)))
    t.same(
      imports.filter(
        (target) =>
          !target.startsWith('node:') &&
          !isContract(target) &&
          !isTracing(target) &&
          !(target === 'ioredis' && REDIS_FILES.includes(path)),
      ),
      [],
      path,
    )
})

t.test('dependencies point down the floors', async (t) => {
  for (const { path, imports } of towers) {
    const floor = floorOf(path)
    t.not(floor, undefined, `${path} has a floor`)
    for (const target of imports) {
      const below = floorOf(target)
      if (below !== undefined && floor !== undefined && below > floor)
        t.fail(`${path} uses ${target}, which is above it`)
    }
  }
})

t.test('there are no cycles, type imports included', async (t) => {
  const byPath = new Map(sources.map((source) => [source.path, source]))
  const done = new Set<string>()
  const walk = (path: string, trail: readonly string[]): void => {
    const at = trail.indexOf(path)
    if (at >= 0) {
      t.fail(`cycle: ${[...trail.slice(at), path].join(' → ')}`)
      return
    }
    if (done.has(path)) return
    for (const target of byPath.get(path)?.imports ?? [])
      if (byPath.has(target)) walk(target, [...trail, path])
    done.add(path)
  }
  for (const { path } of sources) walk(path, [])
  t.equal(done.size, sources.length)
})

t.test('only the edges of a process touch its environment or end it', async (t) => {
  for (const { path, text } of sources.filter((source) => !isProcessEdge(source.path)))
    t.notMatch(codeOf(text), /\bprocess\.(env|exit|exitCode|argv|on|once|abort)\b/, path)
})

t.test('nothing is a default export', async (t) => {
  for (const { path, text } of sources)
    t.notMatch(codeOf(text), /^\s*export\s+default\b|\bas\s+default\b/m, path)
})

t.test('file and folder names say what is inside', async (t) => {
  for (const { path } of sources) {
    const words = path.replace(/\.ts$/, '').split('/').slice(1)
    t.same(
      words.filter((word) => UNTELLING_NAMES.test(word)),
      [],
      path,
    )
    t.match(basename(path), /^[a-z0-9]+(-[a-z0-9]+)*(\.[a-z]+)*\.ts$/, `${path} is in kebab-case`)
  }
})

t.test('no file passes 300 lines without a reason', async (t) => {
  for (const { path, text } of towers) {
    const lines = text.split('\n').length - 1
    t.ok(lines <= LONGEST_FILE || path in LONG_FILES, `${path} has ${lines} lines`)
  }
  for (const path of Object.keys(LONG_FILES))
    t.ok(
      sources.some((source) => source.path === path),
      `${path} exists`,
    )
})

import { readFileSync, unwatchFile, watchFile } from 'node:fs'

type Environment = Readonly<Record<string, string | undefined>>

const LINE = /^(?:export\s+)?([A-Z][A-Z0-9_]*)\s*=(.*)$/

/**
 * The environment, with what its `CONFIG_FILE` adds: lines of `NAME=value`; empty ones and those that begin with `#`
 * say nothing, quotes around a value are taken off. A name that both set has the environment's value. Names that a
 * service does not know are left alone, so that gateway and core may share a file. `problems` quote no value.
 */
export function withConfigFile(env: Environment): { env: Environment; problems: string[] } {
  const path = env.CONFIG_FILE?.trim()
  if (!path) return { env, problems: [] }
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : 'failed'
    return { env, problems: [`CONFIG_FILE: cannot be read (${code})`] }
  }
  const { values, problems } = parseConfigFile(text)
  for (const [name, value] of Object.entries(env)) if (value?.trim()) values.set(name, value)
  return { env: Object.fromEntries(values), problems }
}

export function parseConfigFile(text: string): { values: Map<string, string>; problems: string[] } {
  const values = new Map<string, string>()
  const problems: string[] = []
  for (const [i, whole] of text.split(/\r?\n/).entries()) {
    const line = whole.trim()
    if (line === '' || line.startsWith('#')) continue
    const [, name, value = ''] = LINE.exec(line) ?? []
    if (name === undefined) problems.push(`CONFIG_FILE, line ${i + 1}: is not NAME=value`)
    else if (values.has(name)) problems.push(`CONFIG_FILE, line ${i + 1}: ${name} is there twice`)
    else values.set(name, value.trim().replace(/^(["'])(.*)\1$/, '$2'))
  }
  return { values, problems }
}

const LOOK_EVERY_MS = 2_000

/** Looks at the files' times: that also sees those that are replaced through links, as Kubernetes does. */
export function watchFiles(named: readonly (string | undefined)[], onChange: () => void): () => void {
  const paths = named.flatMap((path) => path?.trim() || [])
  const look = (now: FileTimes, before: FileTimes): void => {
    if (now.mtimeMs !== before.mtimeMs || now.ino !== before.ino) onChange()
  }
  for (const path of paths) watchFile(path, { interval: LOOK_EVERY_MS, persistent: false }, look)
  return () => {
    for (const path of paths) unwatchFile(path, look)
  }
}

type FileTimes = { mtimeMs: number; ino: number }

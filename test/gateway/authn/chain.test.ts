import t from 'tap'
import type { Authenticator, Credentials, Origin, Outcome } from '../../../gateway/authn/authenticator.ts'
import { createChain } from '../../../gateway/authn/chain.ts'

const credentials: Credentials = {
  clientKey: undefined,
  clientToken: undefined,
  platformKey: undefined,
  deviceId: undefined,
  actingUserId: undefined,
}
const origin: Origin = { origin: undefined, address: '192.0.2.1', app: undefined }
const refused = { refused: 'INVALID_TOKEN' } as const

const answering = (
  name: string,
  outcome: Outcome | undefined | Promise<Outcome | undefined>,
  asked: string[] = [],
): Authenticator => ({
  name,
  authenticate() {
    asked.push(name)
    return outcome
  },
})

t.test('the first that feels responsible decides, the rest are not asked', async (t) => {
  const asked: string[] = []
  const chain = createChain([
    answering('a', undefined, asked),
    answering('b', refused, asked),
    answering('c', { refused: 'INTERNAL' }, asked),
  ])
  t.same(chain(credentials, origin), refused)
  t.same(asked, ['a', 'b'])
})

t.test('nobody responsible, nothing presented', async (t) => {
  t.equal(createChain([answering('a', undefined)])(credentials, origin), undefined)
  t.equal(createChain([])(credentials, origin), undefined)
})

t.test('it waits only for those that make it wait', async (t) => {
  const late = createChain([answering('a', Promise.resolve(undefined)), answering('b', refused)])
  t.same(await late(credentials, origin), refused)
  const never = createChain([
    answering('a', Promise.resolve(undefined)),
    answering('b', Promise.resolve(undefined)),
  ])
  t.equal(await never(credentials, origin), undefined)
})

t.test('broken machinery stays an exception', async (t) => {
  const chain = createChain([answering('a', Promise.reject(new Error('down'))), answering('b', refused)])
  await t.rejects(Promise.resolve(chain(credentials, origin)), /down/)
})

import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { parseConfigFile, withConfigFile } from '#contract/config-file.ts'
import { parseSigningKeys, verifyIdentity } from '#contract/signature.ts'
import { ConfigError, loadConfig, parseConfig } from '../../gateway/config.ts'
import { GOOD, PLATFORM, startGateway } from '../support/gateway.ts'
import { openRaw, requestText, sendRaw } from '../support/raw-http.ts'
import { openRawWebSocket } from '../support/raw-websocket.ts'
import { startRecordingUpstream } from '../support/recording-upstream.ts'

const me = requestText('GET /me HTTP/1.1', [...GOOD])
const keyText = (id: string, byte: number) => `${id}:${Buffer.alloc(32, byte).toString('base64url')}`

t.test('signing keys change with the next request; live tunnels and connections stay', async (t) => {
  const gateway = await startGateway(t)
  const connection = await openRaw(gateway.publicUrl)
  t.teardown(() => connection.destroy())
  const socket = await openRawWebSocket(t, gateway.publicUrl)
  const tunnel = (await gateway.upstream.next()).connection
  connection.write(me)
  await connection.response()
  t.match((await gateway.upstream.next()).values('im-identity'), [/^v1\.test\./])

  await gateway.reloadWith({ IDENTITY_KEYS: keyText('next', 9) })
  connection.write(me)
  t.equal((await connection.response()).status, 200)
  const [signed] = (await gateway.upstream.next()).values('im-identity')
  t.match(verifyIdentity(signed, parseSigningKeys(keyText('next', 9)), Date.now()), {
    identity: { userId: 'ada' },
  })
  socket.sendText('2probe')
  t.ok(await tunnel.tunnelledBytes(1))
  tunnel.write(Buffer.from([0x81, 1, 0x33]))
  t.equal(await socket.text(), '3')
})

t.test('requests go to the cores that are named now; tunnels of the others go on', async (t) => {
  const gateway = await startGateway(t)
  const other = await startRecordingUpstream(t)
  const socket = await openRawWebSocket(t, gateway.publicUrl)
  const { connection } = await gateway.upstream.next()
  await gateway.reloadWith({ CORE_URLS: other.url })
  for (let i = 0; i < 5; i++) t.equal((await sendRaw(gateway.publicUrl, me)).status, 200)
  t.equal(other.requests.length, 5)
  t.equal(gateway.upstream.requests.length, 1)
  connection.write(Buffer.from([0x81, 1, 0x33]))
  t.equal(await socket.text(), '3')
})

t.test('origins, trusted proxies, limits and the level of the log are read anew', async (t) => {
  const gateway = await startGateway(t)
  await gateway.reloadWith({
    CORS_ORIGINS: 'https://a.example',
    TRUSTED_PROXIES: '127.0.0.1',
    RATE_LIMIT_PLATFORM: '1',
    LOG_LEVEL: 'error',
  })
  const refused = await sendRaw(
    gateway.publicUrl,
    requestText('GET /me HTTP/1.1', ['Origin: https://b.example']),
  )
  t.equal(refused.header('access-control-allow-origin'), undefined)
  await sendRaw(gateway.publicUrl, requestText('GET /me HTTP/1.1', [...GOOD, 'X-Forwarded-For: 203.0.113.9']))
  t.same((await gateway.upstream.next()).values('x-forwarded-for'), ['203.0.113.9'])
  const statuses: number[] = []
  for (let i = 0; i < 2; i++)
    statuses.push((await sendRaw(gateway.publicUrl, requestText('GET /me HTTP/1.1', [...PLATFORM]))).status)
  t.same(statuses, [200, 429])
  t.notMatch(gateway.log().split('"reloaded"').at(-1), /"level":20/)
  t.match(await gateway.metrics(), /gateway_config_last_reload_successful 1/)
})

t.test('a bad configuration is refused whole, told without its values, and counted', async (t) => {
  const gateway = await startGateway(t)
  await gateway.reloadWith({ IDENTITY_KEYS: 'x:too-short-secret', CORS_ORIGINS: 'https://a.example' })
  t.match(gateway.log(), /reload-refused.*IDENTITY_KEYS/)
  t.notMatch(gateway.log(), /too-short-secret/)
  const answer = await sendRaw(
    gateway.publicUrl,
    requestText('GET /me HTTP/1.1', [...GOOD, 'Origin: https://b.example']),
  )
  t.equal(answer.header('access-control-allow-origin'), '*')
  t.match((await gateway.upstream.next()).values('im-identity'), [/^v1\.test\./])
  t.match(await gateway.metrics(), /gateway_config_last_reload_successful 0/)
  t.match(await gateway.metrics(), /gateway_config_reloads_total\{result="refused"\} 1/)
})

t.test('what only a restart changes is named', async (t) => {
  const gateway = await startGateway(t)
  await gateway.reloadWith({ GATEWAY_PORT: '12345', MAX_BODY_BYTES: '1' })
  t.match(gateway.log(), /"needRestart":\["GATEWAY_PORT","a limit of connections/)
})

t.test('a configuration file adds what the environment leaves open', async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'imkit-config-'))
  t.teardown(() => rm(directory, { recursive: true }))
  const path = join(directory, 'settings')
  await writeFile(
    path,
    `# shared\n\nCORE_URLS=http://a:1, http://b:2\nCORE_INTERNAL_URL="http://a:3"\nexport IDENTITY_KEYS=${keyText('k', 1)}\nCORS_ORIGINS=https://a.example\nDATABASE_URL=x\n`,
  )
  const config = loadConfig({ CONFIG_FILE: path, CORS_ORIGINS: 'https://b.example', REDIS_URL: '' })
  t.match(config, { coreUrls: ['http://a:1', 'http://b:2'], coreInternalUrl: 'http://a:3' })
  t.same(config.corsOrigins, ['https://b.example'], 'the environment wins')
  t.match(parseConfigFile('A=1\nnonsense secret\nA=2').problems, [
    'CONFIG_FILE, line 2: is not NAME=value',
    'CONFIG_FILE, line 3: A is there twice',
  ])
  t.match(withConfigFile({ CONFIG_FILE: join(directory, 'none') }).problems, [/cannot be read \(ENOENT\)/])
  t.throws(() => loadConfig({ CONFIG_FILE: join(directory, 'none') }), /CONFIG_FILE/)
})

t.test('every problem of limits, drain and TLS is named at once', async (t) => {
  const wrong = {
    CORE_URLS: 'http://a:1/path',
    CORE_INTERNAL_URL: 'http://a:3',
    IDENTITY_KEYS: keyText('k', 1),
    RATE_LIMIT_PLATFORM: '0',
    MAX_BODY_BYTES: 'many',
    DRAIN_DELAY_MS: '-1',
    TLS_CERT_FILE: '/nowhere/tls.crt',
  }
  let problems: readonly string[] = []
  try {
    parseConfig(wrong)
  } catch (error) {
    if (error instanceof ConfigError) problems = error.problems
  }
  t.match(problems, [
    /^CORE_URLS/,
    /^TLS_CERT_FILE: cannot be read/,
    /^TLS_KEY_FILE: is not set/,
    /^RATE_LIMIT_PLATFORM/,
    /^MAX_BODY_BYTES/,
    /^DRAIN_DELAY_MS/,
  ])
})

import { once } from 'node:events'
import { setTimeout as delay } from 'node:timers/promises'
import t from 'tap'
import { GatewayError } from '../../../gateway/errors.ts'
import { createUpstreamPool } from '../../../gateway/upstream/pool.ts'
import { UPSTREAM_DEFAULTS } from '../../../gateway/upstream/settings.ts'
import { freePort } from '../../support/free-port.ts'
import { openRaw, requestText, sendRaw } from '../../support/raw-http.ts'
import { ok, startCore, startFront, startPool, until } from './stand-ins.ts'

const get = (port: number) => sendRaw(port, requestText('GET / HTTP/1.1'))

t.test("a URL that is not plain http is refused, all else is the network's doing", async (t) => {
  for (const url of ['https://core', 'http://core/base', 'http://user@core', 'core:80', 'http://core?x', ''])
    await t.rejects(createUpstreamPool([url]), /http:\/\/host/)
  await t.rejects(createUpstreamPool([]), /at least one/)
})

t.test('no more connections than allowed; the others wait their turn, in order', async (t) => {
  const core = await startCore(t, () => undefined)
  const pool = await startPool(t, [core.url], { maxConnections: 2 })
  const front = await startFront(t, pool)
  const answers = [1, 2, 3, 4].map(() => get(front.port))
  await core.next()
  await core.next()
  await until(() => pool.states()[0]?.queued === 2)
  t.match(pool.states(), [{ connections: 2, outstanding: 4, queued: 2 }])
  core.requests[0]!.answer(ok('a'))
  core.requests[1]!.answer(ok('b', 'Connection: close\r\n'))
  await core.next()
  await core.next()
  core.requests[2]!.answer(ok('c'))
  core.requests[3]!.answer(ok('d'))
  t.strictSame(
    (await Promise.all(answers)).map(({ status }) => status),
    [200, 200, 200, 200],
  )
  t.equal(core.connections, 3, 'one was used again, one was closed by the core and replaced')
})

t.test('a herd of 5 000 waits its turn, and what may wait has an end', async (t) => {
  const core = await startCore(t, () => undefined)
  const pool = await startPool(t, [core.url])
  const { maxConnections, maxQueued } = UPSTREAM_DEFAULTS
  let refused = 0
  const acquire = (): void =>
    pool.acquire({
      nodeId: undefined,
      isFresh: false,
      avoided: undefined,
      waitsUntilMs: 0,
      onConnection: () => undefined,
      onRefused: () => refused++,
    })
  for (let i = 0; i < 5_000; i++) acquire()
  t.match(pool.states(), [{ connections: maxConnections, queued: 5_000 - maxConnections }])
  t.equal(refused, 0)
  for (let i = 5_000; i < maxConnections + maxQueued + 3; i++) acquire()
  t.equal(pool.states()[0]?.queued, maxQueued)
  t.equal(refused, 3)
})

t.test('a full queue refuses at once', async (t) => {
  const core = await startCore(t, () => undefined)
  const pool = await startPool(t, [core.url], { maxConnections: 1, maxQueued: 1 })
  const front = await startFront(t, pool)
  const clients = await Promise.all([1, 2].map(() => openRaw(front.port)))
  for (const client of clients) {
    t.teardown(client.destroy)
    client.write(requestText('GET / HTTP/1.1'))
  }
  await until(() => pool.states()[0]?.queued === 1)
  t.equal((await get(front.port)).text(), 'NO_UPSTREAM')
})

t.test('who has waited too long is refused', async (t) => {
  const core = await startCore(t, () => undefined)
  const pool = await startPool(t, [core.url], { maxConnections: 1, queueTimeoutMs: 50 })
  const front = await startFront(t, pool)
  const first = await openRaw(front.port)
  t.teardown(first.destroy)
  first.write(requestText('GET / HTTP/1.1'))
  await core.next()
  t.equal((await get(front.port)).text(), 'NO_UPSTREAM')
  t.equal(pool.states()[0]?.queued, 0)
})

t.test('a client that leaves leaves the queue', async (t) => {
  const core = await startCore(t, () => undefined)
  const pool = await startPool(t, [core.url], { maxConnections: 1 })
  const front = await startFront(t, pool)
  const clients = await Promise.all([1, 2].map(() => openRaw(front.port)))
  t.teardown(() => clients[0]!.destroy())
  for (const client of clients) client.write(requestText('GET / HTTP/1.1'))
  await until(() => pool.states()[0]?.queued === 1)
  clients[1]!.destroy()
  await until(() => pool.states()[0]?.queued === 0)
})

t.test('requests go where the fewest are under way', async (t) => {
  const slow = await startCore(t, () => undefined)
  const quick = await startCore(t)
  const pool = await startPool(t, [slow.url, quick.url])
  await until(() => pool.states().every(({ state }) => state === 'healthy'))
  const front = await startFront(t, pool)
  const clients = await Promise.all([1, 2, 3, 4, 5, 6].map(() => openRaw(front.port)))
  for (const client of clients) {
    t.teardown(client.destroy)
    client.write(requestText('GET / HTTP/1.1'))
    await until(() => slow.requests.length + quick.requests.length === clients.indexOf(client) + 1)
    await until(() => pool.states()[1]?.outstanding === 0)
  }
  t.equal(slow.requests.length, 1)
  t.equal(quick.requests.length, 5)
})

t.test('the connection used last is used next, and what is idle too long is closed', async (t) => {
  const core = await startCore(t, () => undefined)
  const pool = await startPool(t, [core.url], { idleTimeoutMs: 80 })
  const front = await startFront(t, pool)
  const both = [get(front.port), get(front.port)]
  await core.next()
  await core.next()
  core.requests[0]!.answer(ok())
  await both[0]
  core.requests[1]!.answer(ok())
  await Promise.all(both)
  const third = get(front.port)
  t.equal((await core.next()).socket, core.requests[1]!.socket)
  core.requests[2]!.answer(ok())
  await third
  await until(() => pool.states()[0]?.connections === 0)
  await until(() => core.sockets.size === 0)
})

t.test("the core's own word on how long it keeps a connection is undercut", async (t) => {
  const core = await startCore(t, ({ answer }) => answer(ok('x', 'Keep-Alive: timeout=1, max=100\r\n')))
  const pool = await startPool(t, [core.url])
  const front = await startFront(t, pool)
  await get(front.port)
  await get(front.port)
  t.equal(core.connections, 2, 'one second less a margin of one second is no time at all')
})

t.test('and counts for more than the time kept where it says nothing, up to a bound', async (t) => {
  const core = await startCore(t, ({ answer }) => answer(ok('x', 'Keep-Alive: timeout=72\r\n')))
  const patient = await startPool(t, [core.url], { idleTimeoutMs: 20 })
  const front = await startFront(t, patient)
  await get(front.port)
  await delay(400)
  t.equal(patient.states()[0]?.connections, 1)
  const bounded = await startPool(t, [core.url], { idleTimeoutMs: 20, maxIdleTimeoutMs: 40 })
  await get((await startFront(t, bounded)).port)
  await until(() => bounded.states()[0]?.connections === 0)
})

t.test('an address that refuses is ejected, and comes back when it is back', async (t) => {
  const port = await freePort()
  const steady = await startCore(t)
  const failing = await startCore(t, undefined, port)
  const pool = await startPool(t, [failing.url, steady.url], { checkIntervalMs: 30, ejectionMs: 30 })
  const stateOf = () => pool.states().find(({ name }) => name.endsWith(`:${port}`))?.state
  await until(() => stateOf() === 'healthy')
  await failing.close()
  const front = await startFront(t, pool)
  await until(() => {
    void get(front.port)
    return stateOf() === 'ejected'
  })
  t.ok(pool.isReady)
  const before = front.failures.length
  for (let i = 0; i < 5; i++) t.equal((await get(front.port)).status, 200)
  t.equal(front.failures.length, before)
  const back = await startCore(t, undefined, port)
  await until(() => stateOf() === 'healthy')
  for (let i = 0; i < 4; i++) await get(front.port)
  t.ok(back.requests.length > 0)
})

t.test('the last address stays in use, however it fails', async (t) => {
  const core = await startCore(t, ({ nth, socket, answer }) =>
    nth < 6 ? socket.resetAndDestroy() : answer(ok()),
  )
  const pool = await startPool(t, [core.url])
  const front = await startFront(t, pool)
  for (let i = 0; i < 6; i++) t.equal((await get(front.port)).text(), 'BAD_UPSTREAM')
  t.not(pool.states()[0]?.state, 'ejected')
  t.equal((await get(front.port)).status, 200)
})

t.test('those who wait at an address that is ejected are served by another', async (t) => {
  const failing = await startCore(t, () => undefined)
  const steady = await startCore(t)
  failing.nodeId = 'failing'
  const pool = await startPool(t, [failing.url, steady.url], { maxConnections: 1, failuresToEject: 1 })
  await until(() => pool.states().every(({ state }) => state === 'healthy'))
  const front = await startFront(t, pool, { head: { nodeId: 'failing' } })
  const first = get(front.port)
  const { socket } = await failing.next()
  const second = get(front.port)
  await until(() => pool.states()[0]?.queued === 1)
  socket.resetAndDestroy()
  t.equal((await first).text(), 'BAD_UPSTREAM')
  t.equal((await second).text(), 'fine')
  t.equal(steady.requests.length, 1)
})

t.test('a core that says it is not ready gets no requests but those of its own sessions', async (t) => {
  const draining = await startCore(t)
  const steady = await startCore(t)
  draining.nodeId = 'draining'
  draining.readiness = 503
  const pool = await startPool(t, [draining.url, steady.url])
  await until(() => pool.states()[0]?.state === 'unready' && pool.states()[1]?.state === 'healthy')
  const front = await startFront(t, pool)
  for (let i = 0; i < 4; i++) await get(front.port)
  t.equal(draining.requests.length, 0)
  const bound = await startFront(t, pool, { head: { nodeId: 'draining' } })
  await get(bound.port)
  t.equal(draining.requests.length, 1)
})

t.test('a server that does not know /readyz is taken to be ready', async (t) => {
  const core = await startCore(t)
  core.readiness = 404
  const pool = await startPool(t, [core.url])
  await until(() => pool.isReady)
})

t.test('a core whose check is not answered is not ready', async (t) => {
  const core = await startCore(t)
  core.readiness = 'silent'
  const pool = await startPool(t, [core.url], { checkTimeoutMs: 30, checkIntervalMs: 20 })
  await until(() => core.checks >= 2)
  t.notOk(pool.isReady)
})

t.test('a session finds its core by node id, learnt from checks and from answers', async (t) => {
  const one = await startCore(t)
  const two = await startCore(t, ({ answer }) => answer(ok('x', 'IM-Node-ID: two\r\n')))
  one.nodeId = 'one'
  const pool = await startPool(t, [one.url, two.url])
  await until(() => pool.states().every(({ state }) => state === 'healthy'))
  const anywhere = await startFront(t, pool)
  while (two.requests.length === 0) await get(anywhere.port)
  const seen = { one: one.requests.length, two: two.requests.length }
  for (const nodeId of ['one', 'two'] as const) {
    const front = await startFront(t, pool, { head: { nodeId } })
    for (let i = 0; i < 3; i++) t.equal((await get(front.port)).header('im-node-id'), undefined)
  }
  t.equal(one.requests.length, seen.one + 3)
  t.equal(two.requests.length, seen.two + 3)
  t.equal(pool.pick({ nodeId: 'one' }).port, one.port)
  t.equal(pool.pick({ nodeId: 'two' }).nodeId, 'two')
  t.ok(pool.pick({ nodeId: 'nobody' }).port, 'an unknown node is any node')
})

t.test('tunnels spread by the number of tunnels, until they are released', async (t) => {
  const cores = [await startCore(t), await startCore(t)]
  const pool = await startPool(
    t,
    cores.map(({ url }) => url),
  )
  await until(() => pool.states().every(({ state }) => state === 'healthy'))
  const targets = [1, 2, 3, 4].map(() => pool.pick())
  t.strictSame(
    pool.states().map(({ tunnels }) => tunnels),
    [2, 2],
  )
  for (const target of targets.filter(({ port }) => port === cores[0]!.port)) {
    target.release('answered')
    target.release('answered')
  }
  t.strictSame(
    pool.states().map(({ tunnels }) => tunnels),
    [0, 2],
  )
  t.equal(pool.pick().port, cores[0]!.port)
})

t.test('tunnels that fail eject, too', async (t) => {
  const cores = [await startCore(t), await startCore(t)]
  for (const core of cores) core.readiness = 'silent'
  const pool = await startPool(
    t,
    cores.map(({ url }) => url),
  )
  for (let i = 0; i < 6; i++) {
    const target = pool.pick()
    target.release(target.port === cores[0]!.port ? 'unreachable' : 'answered')
  }
  for (let i = 0; i < 4; i++) t.equal(pool.pick().port, cores[1]!.port)
})

t.test('names are resolved again; new addresses join, those gone finish what they have', async (t) => {
  const core = await startCore(t, () => undefined)
  const { port } = core
  let addresses: string[] | Error = ['127.0.0.1']
  const lookup = async (): Promise<string[]> => {
    if (addresses instanceof Error) throw addresses
    return addresses
  }
  const pool = await startPool(t, [`http://core.test:${port}`], {}, { lookup })
  const names = () => pool.states().map(({ name }) => name)
  t.strictSame(names(), [`127.0.0.1:${port}`])
  const front = await startFront(t, pool)
  const pending = get(front.port)
  const request = await core.next()

  addresses = ['127.0.0.1', '127.0.0.2']
  await pool.resolve()
  t.strictSame(names(), [`127.0.0.1:${port}`, `127.0.0.2:${port}`])
  addresses = new Error('name server')
  await pool.resolve()
  t.equal(names().length, 2, 'a name server that fails changes nothing')
  addresses = []
  await pool.resolve()
  t.equal(names().length, 2, 'nor does one that knows nothing')
  addresses = ['127.0.0.2']
  await pool.resolve()
  t.strictSame(names(), [`127.0.0.2:${port}`])

  const closed = once(request.socket, 'close')
  request.answer(ok('still'))
  t.equal((await pending).text(), 'still')
  await closed
})

t.test('names are resolved again by the clock', async (t) => {
  const clock = { nowMs: 0 }
  let lookups = 0
  const lookup = async (): Promise<string[]> => {
    lookups++
    return ['127.0.0.1']
  }
  const parts = { lookup, clock: () => clock.nowMs }
  const pool = await startPool(
    t,
    [`http://core.test:${await freePort()}`],
    { sweepIntervalMs: 60_000 },
    parts,
  )
  t.equal(lookups, 1)
  clock.nowMs = 29_999
  pool.sweep()
  t.equal(lookups, 1)
  clock.nowMs = 30_000
  pool.sweep()
  pool.sweep()
  t.equal(lookups, 2)
})

t.test('a name that is not known yet is no reason not to start', async (t) => {
  const core = await startCore(t)
  let isKnown = false
  const lookup = async (): Promise<string[]> => {
    if (!isKnown) throw new Error('ENOTFOUND')
    return ['127.0.0.1']
  }
  const pool = await startPool(t, [`http://core.test:${core.port}`], {}, { lookup })
  t.throws(() => pool.pick(), new GatewayError('NO_UPSTREAM'))
  const front = await startFront(t, pool)
  t.equal((await get(front.port)).text(), 'NO_UPSTREAM')
  isKnown = true
  await pool.resolve()
  t.equal((await get(front.port)).status, 200)
})

t.test('a closed pool refuses, and closes what it had', async (t) => {
  const core = await startCore(t)
  const pool = await startPool(t, [core.url])
  const front = await startFront(t, pool)
  await get(front.port)
  pool.close()
  await until(() => core.sockets.size === 0)
  t.equal((await get(front.port)).text(), 'NO_UPSTREAM')
})

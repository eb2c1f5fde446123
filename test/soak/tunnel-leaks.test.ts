/** Sockets that either side leaves abruptly, at every stage and in every way, are gone from the gateway. */
import t, { type Test } from 'tap'
import { eventually } from '../support/eventually.ts'
import { openRawWebSocket } from '../support/raw-websocket.ts'
import { acceptUpgrade, type RecordedRequest, startRecordingUpstream } from '../support/recording-upstream.ts'
import type { TestService } from '../support/service.ts'
import { startStack } from '../support/stack.ts'
import { startTcpProxy } from '../support/tcp-proxy.ts'
import { GAUGED, openGauge } from './gauge.ts'
import { arriveAt, isTunnel, leaveAt, STAGES, WAYS } from './stages.ts'

/** Of each kind: few enough for a test, and enough for one that stays to be seen. */
const TIMES = 6
/** Connections that pools keep. */
const SPARE = 10
/** Less than what a tunnel holds. */
const MOST_BYTES_EACH = 2_048
const MIN_TURNS = 3
/** Tunnels, at least: over fewer, what is left once looks like what is left each time. */
const MEASURED = 252

t.setTimeout(150_000)

const times = <T>(act: () => Promise<T>): Promise<T[]> => Promise.all(Array.from({ length: TIMES }, act))

/**
 * What the first times leave behind stays once: code that is compiled when it has run often enough, rows of metrics.
 * What leaks is left each time, and so outweighs it over several turns.
 * @param act Does so many.
 */
async function leavesNothing(
  t: Test,
  gateway: TestService,
  act: () => Promise<unknown>,
  count: number,
): Promise<void> {
  const gauge = await openGauge(gateway)
  t.teardown(gauge.close)
  await act()
  const before = await gauge.read()
  const turns = Math.max(MIN_TURNS, Math.ceil(MEASURED / count))
  for (let turn = 0; turn < turns; turn++) await act()
  await eventually(
    'descriptors are as before',
    async () => (await gauge.read()).descriptors <= before.descriptors + SPARE,
  )
  const after = await gauge.read()
  t.ok(after.resources <= before.resources + SPARE, `${before.resources} resources, then ${after.resources}`)
  const each = (after.heapBytes - before.heapBytes) / (count * turns)
  t.ok(each < MOST_BYTES_EACH, `${each.toFixed(0)} bytes of heap for each`)
}

t.test('left by the client', async (t) => {
  const stack = await startStack(t, { gatewayEnv: GAUGED })
  const { token } = await stack.createUser('ann')
  const place = { url: stack.url, clientKey: stack.keys.clientKey, token }
  const leaveAll = async () => {
    for (const stage of STAGES) for (const way of WAYS) await times(() => leaveAt(stage, way, place))
  }
  await leavesNothing(t, stack.gateways[0]!, leaveAll, TIMES * STAGES.length * WAYS.length)
})

t.test('cut off from the core', async (t) => {
  const stack = await startStack(t, { gateways: 0 })
  const network = await startTcpProxy(t, stack.cores[0]!.url)
  const gateway = await stack.addGateway({ ...GAUGED, CORE_URLS: network.url })
  const platform = stack.client({ 'IM-API-KEY': stack.keys.platformKey }, gateway.url)
  const made = await platform.ok('POST', '/admin/clients', { _id: 'ann', issueAccessToken: true })
  const place = { url: gateway.url, clientKey: stack.keys.clientKey, token: String(made.token) }
  const cutAll = async () => {
    for (const stage of STAGES) {
      const connections = await times(() => arriveAt(stage, place))
      network.cut()
      for (const connection of connections) {
        if (isTunnel(stage)) await connection.untilClosed()
        connection.destroy()
      }
    }
  }
  await leavesNothing(t, gateway, cutAll, TIMES * STAGES.length)
})

type End = (request: RecordedRequest) => 'reset' | 'hang' | string

/** What the core's side does with an upgrade. */
const ENDS: Record<string, End> = {
  'resets at once': () => 'reset',
  'closes at once': (request) => leave(request, ''),
  'closes in the middle of the head': (request) => leave(request, acceptUpgrade(request).slice(0, 40)),
  'closes after the head': (request) => leave(request, acceptUpgrade(request)),
  'closes in the middle of a frame': (request) => leave(request, `${acceptUpgrade(request)}\x81\x7e\x10`),
  'closes after what opens the session': (request) =>
    leave(request, `${acceptUpgrade(request)}\x81\x100{"sid":"abcdef"}`),
}

function leave({ connection }: RecordedRequest, text: string): 'hang' {
  connection.write(text)
  setImmediate(() => connection.destroy())
  return 'hang'
}

t.test('left by the core', async (t) => {
  const upstream = await startRecordingUpstream(t)
  const stack = await startStack(t, { coreUrls: [upstream.url], gatewayEnv: GAUGED })
  const scope = { teardown() {} }
  const meet = async () => {
    const socket = await openRawWebSocket(scope, stack.url).catch(() => undefined)
    await socket?.connection.untilClosed()
    socket?.connection.destroy()
  }
  const meetAll = async () => {
    for (const end of Object.values(ENDS)) {
      upstream.answerWith(end)
      await times(meet)
    }
  }
  const count = TIMES * Object.keys(ENDS).length
  await leavesNothing(t, stack.gateways[0]!, meetAll, count)
  t.ok(upstream.requests.length >= 2 * TIMES, 'the core was reached')
})

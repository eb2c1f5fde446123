/** Sockets that either side leaves abruptly, at every stage and in every way, are gone from the gateway. */
import t from 'tap'
import { eventually } from '../support/eventually.ts'
import { openRawWebSocket } from '../support/raw-websocket.ts'
import { acceptUpgrade, type RecordedRequest, startRecordingUpstream } from '../support/recording-upstream.ts'
import { startStack } from '../support/stack.ts'
import { GAUGED, openGauge } from './gauge.ts'
import { leaveAt, STAGES, WAYS } from './stages.ts'

/** Of each kind: few enough for a test, and enough for one that stays to be seen. */
const TIMES = 6
/** Connections that pools keep. */
const SPARE = 10
/** What is compiled and remembered once; less than what a tunnel holds, for each of them. */
const MOST_BYTES_EACH = 2_048

t.setTimeout(150_000)

t.test('left by the client', async (t) => {
  const stack = await startStack(t, { gatewayEnv: GAUGED })
  const { token } = await stack.createUser('ann')
  const place = { url: stack.url, clientKey: stack.keys.clientKey, token }
  const gauge = await openGauge(stack.gateways[0]!)
  t.teardown(gauge.close)
  const leaveAll = async () => {
    for (const stage of STAGES)
      for (const way of WAYS)
        await Promise.all(Array.from({ length: TIMES }, () => leaveAt(stage, way, place)))
  }
  await leaveAll()
  const before = await gauge.read()
  await leaveAll()
  await eventually(
    'descriptors are as before',
    async () => (await gauge.read()).descriptors <= before.descriptors + SPARE,
  )
  const after = await gauge.read()
  t.ok(after.resources <= before.resources + SPARE, `${before.resources} resources, then ${after.resources}`)
  const each = (after.heapBytes - before.heapBytes) / (TIMES * STAGES.length * WAYS.length)
  t.ok(each < MOST_BYTES_EACH, `${each.toFixed(0)} bytes of heap for each`)
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
  const gauge = await openGauge(stack.gateways[0]!)
  t.teardown(gauge.close)
  const scope = { teardown() {} }
  const meet = async () => {
    const socket = await openRawWebSocket(scope, stack.url).catch(() => undefined)
    await socket?.connection.untilClosed()
    socket?.connection.destroy()
  }
  const meetAll = async () => {
    for (const end of Object.values(ENDS)) {
      upstream.answerWith(end)
      await Promise.all(Array.from({ length: TIMES }, meet))
    }
  }
  await meetAll()
  const met = upstream.requests.length
  const before = await gauge.read()
  await meetAll()
  t.ok(upstream.requests.length - met >= TIMES, 'the core was reached')
  await eventually(
    'descriptors are as before',
    async () => (await gauge.read()).descriptors <= before.descriptors + SPARE,
  )
  const after = await gauge.read()
  t.ok(after.resources <= before.resources + SPARE, `${before.resources} resources, then ${after.resources}`)
  const each = (after.heapBytes - before.heapBytes) / (TIMES * Object.keys(ENDS).length)
  t.ok(each < 2 * MOST_BYTES_EACH, `${each.toFixed(0)} bytes of heap for each`)
})

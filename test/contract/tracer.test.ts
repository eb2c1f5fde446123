import t, { type Test } from 'tap'
import { openTracer, type Tracer } from '#contract/tracer.ts'
import { parseTracing } from '#contract/tracing-settings.ts'
import { freePort } from '../support/free-port.ts'
import { startOtlpReceiver } from '../support/otlp-receiver.ts'

const parent = { traceId: 'a'.repeat(32), spanId: 'b'.repeat(16), isSampled: true, state: 'them=1' }

function settingsOf(env: Record<string, string>) {
  return parseTracing((name, parse) => {
    const text = env[name]
    return text === undefined ? undefined : parse(text)
  }, 'a-service')
}

async function open(t: Test, env: Record<string, string>): Promise<{ tracer: Tracer; lost: unknown[] }> {
  const lost: unknown[] = []
  const settings = settingsOf(env)
  if (settings === undefined) return t.fail('no settings') as never
  return { tracer: await openTracer(settings, { version: '1', onLost: (error) => lost.push(error) }), lost }
}

t.test('settings are those of the specification; without an endpoint there are none', async (t) => {
  t.equal(settingsOf({ OTEL_SERVICE_NAME: 'named' }), undefined)
  t.same(settingsOf({ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://collector:4318/' }), {
    url: 'http://collector:4318/v1/traces',
    headers: {},
    serviceName: 'a-service',
    sampler: 'parentbased_always_on',
    ratio: 1,
  })
  const headers = settingsOf({
    OTEL_EXPORTER_OTLP_ENDPOINT: 'https://x/otlp',
    OTEL_EXPORTER_OTLP_HEADERS: 'api-key=a%20b, x-tenant=7',
  })
  t.match(headers, { url: 'https://x/otlp/v1/traces', headers: { 'api-key': 'a b', 'x-tenant': '7' } })
  for (const [name, text] of [
    ['OTEL_EXPORTER_OTLP_ENDPOINT', 'collector:4318'],
    ['OTEL_EXPORTER_OTLP_ENDPOINT', 'http://user:secret@collector'],
    ['OTEL_EXPORTER_OTLP_HEADERS', 'secret'],
    ['OTEL_EXPORTER_OTLP_HEADERS', 'k=%zz-secret'],
    ['OTEL_TRACES_SAMPLER', 'sometimes'],
    ['OTEL_TRACES_SAMPLER_ARG', '2'],
  ] as const)
    try {
      settingsOf({ [name]: text })
      t.fail(`${name}=${text}`)
    } catch (error) {
      t.notMatch(String(error), /secret/)
    }
})

t.test('spans go on with what they are told, and are sent', async (t) => {
  const receiver = await startOtlpReceiver(t)
  const { tracer } = await open(t, { OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url })
  const span = tracer.start('outer', { kind: 'server', parent })
  t.match(span.context, { traceId: parent.traceId, isSampled: true, state: 'them=1' })
  tracer.run(span, () => t.equal(tracer.current(), span))
  const later = tracer.run(span, () => async () => {
    await Promise.resolve()
    return tracer.current()
  })
  span.fail('INTERNAL')
  span.end()
  tracer.run(span, () => t.equal(tracer.current(), undefined, 'what has ended is not current'))
  t.equal(await later(), undefined)
  await tracer.close()
  t.match(receiver.spans(), [
    { service: 'a-service', name: 'outer', parentSpanId: parent.spanId, failed: true },
  ])
})

t.test('samplers by name', async (t) => {
  const receiver = await startOtlpReceiver(t)
  const sampled = async (sampler: string, arg: string, from: typeof parent | undefined) => {
    const { tracer } = await open(t, {
      OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url,
      OTEL_TRACES_SAMPLER: sampler,
      OTEL_TRACES_SAMPLER_ARG: arg,
    })
    const { context } = tracer.start('x', { parent: from })
    await tracer.close()
    return context.isSampled
  }
  const unsampled = { ...parent, isSampled: false }
  t.equal(await sampled('always_on', '1', unsampled), true)
  t.equal(await sampled('always_off', '1', parent), false)
  t.equal(await sampled('traceidratio', '0', parent), false)
  t.equal(await sampled('parentbased_always_on', '1', unsampled), false)
  t.equal(await sampled('parentbased_always_off', '1', parent), true)
  t.equal(await sampled('parentbased_always_off', '1', undefined), false)
  t.equal(await sampled('parentbased_traceidratio', '0', undefined), false)
})

t.test('a collector that is not there is told of, and holds nothing up', async (t) => {
  const { tracer, lost } = await open(t, {
    OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${await freePort()}`,
  })
  tracer.start('x').end()
  const startMs = Date.now()
  await tracer.close()
  t.ok(Date.now() - startMs < 10_000)
  t.ok(lost.length <= 2)
})

/**
 * Spans, for both services. OpenTelemetry is imported when tracing is switched on, and not before; without it there
 * is no tracer, and whoever would have one does nothing but find that out.
 */
import { AsyncLocalStorage } from 'node:async_hooks'
import type { Sampler as SdkSampler } from '@opentelemetry/sdk-trace'
import type { TraceContext } from './trace-context.ts'
import type { TracingSettings } from './tracing-settings.ts'

export type TraceSpan = {
  readonly context: TraceContext
  readonly isEnded: boolean
  rename(name: string): void
  set(name: string, value: string | number): void
  /** By a closed set of codes; no message, which could quote what somebody sent. */
  fail(code: string): void
  end(): void
}

export type SpanOptions = {
  kind?: 'server' | 'client' | 'internal'
  /** What it is part of; without one it begins a trace. */
  parent?: TraceContext | undefined
  links?: readonly TraceContext[]
  attributes?: Record<string, string | number>
}

export type Tracer = {
  start(name: string, options?: SpanOptions): TraceSpan
  /** The span of the innermost `run`; one that has ended is none, since timers and queues outlive it. */
  current(): TraceSpan | undefined
  run<T>(span: TraceSpan | undefined, work: () => T): T
  /** Sends what is left, for a moment. */
  close(): Promise<void>
}

export type TracerParts = {
  version: string
  /** Spans could not be sent; they are lost, and nothing else is. */
  onLost(error: unknown): void
}

const CLOSE_WITHIN_MS = 2_000
const EXPORT_TIMEOUT_MS = 10_000

export async function openTracer(settings: TracingSettings, parts: TracerParts): Promise<Tracer> {
  const [api, sdk, { resourceFromAttributes }, { OTLPTraceExporter }] = await Promise.all([
    import('@opentelemetry/api'),
    import('@opentelemetry/sdk-trace'),
    import('@opentelemetry/resources'),
    import('@opentelemetry/exporter-trace-otlp-http'),
  ])
  const { url, headers, serviceName } = settings
  const exporter = new OTLPTraceExporter({ url, headers, timeoutMillis: EXPORT_TIMEOUT_MS })
  const provider = new sdk.TracerProvider({
    resource: resourceFromAttributes({ 'service.name': serviceName, 'service.version': parts.version }),
    sampler: samplerOf(settings, sdk),
    spanProcessors: [
      new sdk.BatchSpanProcessor({
        exporter: {
          export: (spans, done) =>
            exporter.export(spans, (result) => {
              if (result.code !== 0) parts.onLost(result.error)
              done(result)
            }),
          shutdown: () => exporter.shutdown(),
        },
      }),
    ],
  })
  const tracer = provider.getTracer('imkit', parts.version)
  const KINDS = {
    server: api.SpanKind.SERVER,
    client: api.SpanKind.CLIENT,
    internal: api.SpanKind.INTERNAL,
  }
  const active = new AsyncLocalStorage<TraceSpan | undefined>()

  const spanContext = ({ traceId, spanId, isSampled, state }: TraceContext) => ({
    traceId,
    spanId,
    traceFlags: isSampled ? api.TraceFlags.SAMPLED : api.TraceFlags.NONE,
    ...(state !== undefined && { traceState: api.createTraceState(state) }),
    isRemote: true,
  })

  return {
    start(name, { kind = 'internal', parent, links = [], attributes = {} } = {}) {
      const above =
        parent === undefined
          ? api.ROOT_CONTEXT
          : api.trace.setSpanContext(api.ROOT_CONTEXT, spanContext(parent))
      const span = tracer.startSpan(
        name,
        { kind: KINDS[kind], attributes, links: links.map((link) => ({ context: spanContext(link) })) },
        above,
      )
      const { traceId, spanId, traceFlags, traceState } = span.spanContext()
      let isEnded = false
      return {
        context: {
          traceId,
          spanId,
          isSampled: (traceFlags & api.TraceFlags.SAMPLED) !== 0,
          state: traceState?.serialize() || undefined,
        },
        get isEnded() {
          return isEnded
        },
        rename: (next) => void span.updateName(next),
        set: (key, value) => void span.setAttribute(key, value),
        fail(code) {
          span.setAttribute('error.type', code)
          span.setStatus({ code: api.SpanStatusCode.ERROR })
        },
        end() {
          if (isEnded) return
          isEnded = true
          span.end()
        },
      }
    },
    current() {
      const span = active.getStore()
      return span === undefined || span.isEnded ? undefined : span
    },
    run: (span, work) => active.run(span, work),
    async close() {
      let timer: NodeJS.Timeout | undefined
      const late = new Promise<void>((resolve) => {
        timer = setTimeout(resolve, CLOSE_WITHIN_MS)
      })
      await Promise.race([provider.shutdown().catch(parts.onLost), late])
      clearTimeout(timer)
    },
  }
}

type Sdk = Pick<
  typeof import('@opentelemetry/sdk-trace'),
  'AlwaysOnSampler' | 'AlwaysOffSampler' | 'ParentBasedSampler' | 'TraceIdRatioBasedSampler'
>

function samplerOf({ sampler, ratio }: TracingSettings, sdk: Sdk): SdkSampler {
  const byName = {
    always_on: () => new sdk.AlwaysOnSampler(),
    always_off: () => new sdk.AlwaysOffSampler(),
    traceidratio: () => new sdk.TraceIdRatioBasedSampler(ratio),
  }
  const [, isParentBased, name] = /^(parentbased_)?(.*)$/.exec(sampler) ?? []
  const root = byName[name as keyof typeof byName]()
  return isParentBased === undefined ? root : new sdk.ParentBasedSampler({ root })
}

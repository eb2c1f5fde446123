/** Where spans are sent, by the names of the OpenTelemetry specification; undefined = there are none. */
export type TracingSettings = {
  /** Of OTLP over HTTP, with its path. */
  url: string
  headers: Readonly<Record<string, string>>
  serviceName: string
  sampler: SamplerName
  /** Of the samplers by ratio. */
  ratio: number
}

const SAMPLERS = [
  'always_on',
  'always_off',
  'traceidratio',
  'parentbased_always_on',
  'parentbased_always_off',
  'parentbased_traceidratio',
] as const
export type SamplerName = (typeof SAMPLERS)[number]

/** Parses a setting where it is there, and notes what is wrong with it. */
type Optional = <T>(name: string, parse: (text: string) => T) => T | undefined

export function parseTracing(optional: Optional, usualName: string): TracingSettings | undefined {
  const base = optional('OTEL_EXPORTER_OTLP_ENDPOINT', parseUrl)
  const settings = {
    headers: optional('OTEL_EXPORTER_OTLP_HEADERS', parseHeaders) ?? {},
    serviceName: optional('OTEL_SERVICE_NAME', (text) => text) ?? usualName,
    sampler: optional('OTEL_TRACES_SAMPLER', parseSampler) ?? ('parentbased_always_on' as const),
    ratio: optional('OTEL_TRACES_SAMPLER_ARG', parseRatio) ?? 1,
  }
  return base === undefined ? undefined : { url: `${base}/v1/traces`, ...settings }
}

function parseUrl(text: string): string {
  if (!URL.canParse(text) || !/^https?:$/.test(new URL(text).protocol))
    throw new Error('is not a URL that begins with http:// or https://')
  const { username, password } = new URL(text)
  if (username !== '' || password !== '') throw new Error('holds a user or a password')
  return text.replace(/\/+$/, '')
}

/** `name=value,…`, the values percent-encoded. They are secrets mostly, and never quoted. */
function parseHeaders(text: string): Record<string, string> {
  const headers: Record<string, string> = Object.create(null)
  for (const entry of text.split(',').flatMap((entry) => entry.trim() || [])) {
    const [, name, value] = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+)\s*=\s*(\S.*)$/.exec(entry) ?? []
    if (name === undefined || value === undefined) throw new Error('is not a list of name=value')
    headers[name] = decoded(value)
  }
  return headers
}

function decoded(value: string): string {
  try {
    return decodeURIComponent(value)
  } catch {
    throw new Error('holds a value that is not percent-encoded')
  }
}

function parseSampler(text: string): SamplerName {
  const sampler = SAMPLERS.find((known) => known === text)
  if (sampler === undefined) throw new Error(`is not one of ${SAMPLERS.join(', ')}`)
  return sampler
}

function parseRatio(text: string): number {
  const ratio = Number(text)
  if (!(ratio >= 0 && ratio <= 1)) throw new Error('is not a number from 0 to 1')
  return ratio
}

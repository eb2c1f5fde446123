import { type Figures, median, type Result, ratios } from './report.ts'

type Target = {
  what: string
  must: number
  aim: number
  /** More is better; otherwise less is. */
  isLeast?: true
  unit: '×' | '%' | 'µs' | 'KB'
  /** Round by round. */
  values(result: Result): number[]
}

const GATEWAY = 'gateway'
const LUA = 'nginx + Lua'

const of = ({ measurements }: Result, scenario: string) =>
  measurements.filter((measurement) => measurement.scenario === scenario)

const beside =
  (scenario: string, key: keyof Figures, rival: string, reference: string): Target['values'] =>
  (result) =>
    ratios(of(result, scenario), key, rival, reference)

const own =
  (scenario: string, key: keyof Figures): Target['values'] =>
  (result) =>
    of(result, scenario).flatMap((one) => (one.rival === GATEWAY ? (one[key] ?? []) : []))

/** What a request costs beyond the same one to an address where nothing is authenticated, in percent. */
const addedByAuthentication: Target['values'] = (result) =>
  beside(
    'authentication',
    'cpuUs',
    GATEWAY,
    `${GATEWAY}, not authenticated`,
  )(result).map((ratio) => (ratio - 1) * 100)

const TARGETS: readonly Target[] = [
  ...(['get', 'post'] as const).flatMap((method): Target[] => {
    const what = `CPU per ${method.toUpperCase()}`
    const scenario = `${method}-64`
    const less = (rival: string) => beside(scenario, 'cpuUs', rival, GATEWAY)
    return [
      {
        what: `${what}, against ${LUA}`,
        must: 1.4,
        aim: 1,
        unit: '×',
        values: beside(scenario, 'cpuUs', GATEWAY, LUA),
      },
      {
        what: `${what}, that of @fastify/http-proxy against ours`,
        ...{ must: 3, aim: 5, isLeast: true, unit: '×', values: less('@fastify/http-proxy') },
      },
      {
        what: `${what}, that of nginx auth_request against ours`,
        ...{ must: 1.7, aim: 2.5, isLeast: true, unit: '×', values: less('nginx auth_request') },
      },
    ]
  }),
  {
    what: `p50 at 2 000/s, against ${LUA}`,
    must: 1.2,
    aim: 1,
    unit: '×',
    values: beside('paced', 'p50Ms', GATEWAY, LUA),
  },
  {
    what: `p99 at 2 000/s, against ${LUA}`,
    must: 1.2,
    aim: 1,
    unit: '×',
    values: beside('paced', 'p99Ms', GATEWAY, LUA),
  },
  {
    what: 'CPU per echo in a tunnel, against nginx',
    must: 1.4,
    aim: 1.1,
    unit: '×',
    values: beside('echo', 'cpuUs', GATEWAY, 'nginx'),
  },
  { what: 'Memory per idle tunnel', must: 10, aim: 8, unit: 'KB', values: own('idle', 'kilobytes') },
  { what: 'What authentication adds to a GET', must: 10, aim: 5, unit: '%', values: addedByAuthentication },
  { what: 'CPU per `auth` exchange', must: 100, aim: 50, unit: 'µs', values: own('exchange', 'cpuUs') },
  {
    what: 'Throughput of 1 MB uploads, against nginx',
    ...{
      must: 0.6,
      aim: 0.9,
      isLeast: true,
      unit: '×',
      values: beside('upload', 'requestsPerSecond', GATEWAY, 'nginx'),
    },
  },
  {
    what: 'Throughput of 1 MB downloads, against nginx',
    ...{
      must: 0.6,
      aim: 0.9,
      isLeast: true,
      unit: '×',
      values: beside('download', 'requestsPerSecond', GATEWAY, 'nginx'),
    },
  },
]

/** The targets beside what was measured, as far as it was. */
export function targetsTable(result: Result): string {
  const lines = TARGETS.flatMap(({ what, must, aim, isLeast, unit, values }) => {
    const all = values(result)
    if (all.length === 0) return []
    const measured = median(all)
    const meets = (limit: number) => (isLeast ? measured >= limit : measured <= limit)
    const verdict = meets(aim) ? 'aim' : meets(must) ? 'must' : '**missed**'
    const sign = isLeast ? '≥' : '≤'
    const shown = (value: number) => `${value.toFixed(unit === '×' ? 2 : 1)} ${unit}`
    const spread = `${Math.min(...all).toFixed(2)}–${Math.max(...all).toFixed(2)}`
    return [
      `| ${what} | ${sign} ${must} ${unit} | ${sign} ${aim} ${unit} | ${shown(measured)} (${spread}) | ${verdict} |`,
    ]
  })
  return ['| | must | aim | measured (spread) | met |', '|---|--:|--:|--:|---|', ...lines].join('\n')
}

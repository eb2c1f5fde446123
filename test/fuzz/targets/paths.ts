import fc from 'fast-check'
import { needOf } from '../../../gateway/http/needs.ts'
import { parseTarget } from '../../../gateway/http/path.ts'
import { type CoreRouter, endpoints, openCoreRouter } from '../core-router.ts'
import { fuzzTarget, must } from '../target.ts'

// Oracles: a canonical target is its own canonical form; the core's real router finds for it what it would have found
// for the target as the client wrote it; and an address that asks for less than an identity is, in that router too,
// that address and no other.

type Input = { method: string; target: string }

const OPEN = [
  '/auths/sign',
  '/auths/sign/v2',
  '/badges',
  '/stickers',
  '/stickers/res',
  '/socket.io',
  '/readyz',
]
const HOST = 'gateway.test'

const pattern = fc.constantFrom(...OPEN, ...endpoints.map((endpoint) => endpoint.split(' ')[1]!))
const id = fc.constantFrom(
  'r1',
  'a%2Fb',
  'a%2fb',
  '%2e',
  '..',
  '.',
  'a.b',
  'a;b',
  '%3b',
  'v2',
  'sign',
  '~a',
  '%7Ea',
  '%c3%a9',
  '%25',
  '%252e',
  ':x',
  '*',
  '',
)
const twist = fc.constantFrom(
  '',
  '/',
  '//',
  '/.',
  '/..',
  '/%2e%2e',
  '\\',
  '%5c',
  '%2f',
  '%2F',
  ';',
  ';a=b',
  '%00',
  '#',
  '?',
  '?x=1',
  '%3f',
  '.',
  '%20',
  '%',
  '%zz',
  '/v2',
  '%09',
  '\x7f',
)
const how = fc.constantFrom('as is', 'as is', 'as is', 'encoded', 'ENCODED', 'upper', 'absolute', 'doubled')

const target = fc
  .tuple(pattern, fc.array(id, { minLength: 3, maxLength: 3 }), twist, fc.nat(60), how, fc.nat(60), twist)
  .map(([pattern, ids, infix, at, how, letter, suffix]) => {
    let next = 0
    let path = pattern.replaceAll(/:\w+/g, () => ids[next++ % ids.length]!)
    const place = at % (path.length + 1)
    if (at < 30) path = path.slice(0, place) + infix + path.slice(place)
    const i = letter % Math.max(1, path.length)
    const code = path.charCodeAt(i).toString(16).padStart(2, '0')
    if (how === 'encoded') path = `${path.slice(0, i)}%${code}${path.slice(i + 1)}`
    if (how === 'ENCODED') path = `${path.slice(0, i)}%${code.toUpperCase()}${path.slice(i + 1)}`
    if (how === 'upper') path = path.toUpperCase()
    if (how === 'doubled') path = `/${path}`
    if (how === 'absolute') path = `http://${HOST}${path}`
    return path + suffix
  })

let router: Promise<CoreRouter> | undefined

export const paths = fuzzTarget<Input>({
  name: 'paths',
  inputs: fc.record({ method: fc.constantFrom('GET', 'POST', 'PUT', 'DELETE', 'HEAD'), target }),
  async check({ method, target }) {
    const parsed = parseTarget(target, HOST)
    if (typeof parsed === 'string') return
    const canonical = parsed.path + parsed.query
    const again = parseTarget(canonical, HOST)
    must(
      typeof again === 'object' && again.path === parsed.path && again.query === parsed.query,
      'no fixed point',
    )
    must(!/\/\/|\\|#|[^\x21-\x7e]/.test(parsed.path), `not canonical: ${parsed.path}`)
    const segments = parsed.path.split('/').map((segment) => segment.replaceAll(/%2e/gi, '.'))
    must(!segments.includes('.') && !segments.includes('..'), `dot segments: ${parsed.path}`)

    router ??= openCoreRouter()
    const { routeOf } = await router
    const found = await routeOf(method, canonical)
    if (target.startsWith('/')) {
      const direct = await routeOf(method, target)
      must(direct === found, `${found} for the canonical form, ${direct} for what was sent`)
    }
    const need = needOf(method, parsed.path)
    if (need !== 'identity') {
      must(OPEN.includes(noSlash(parsed.path)), `open: ${parsed.path}`)
      must(found === undefined || found === noSlash(parsed.path), `open, and ${found} in the core`)
    }
    const asRoute = found === undefined ? undefined : needOf(method, found)
    must(asRoute === undefined || asRoute === need, `${need} here, ${asRoute} by the core's ${found}`)
  },
  async close() {
    await (await router)?.close()
    router = undefined
  },
})

const noSlash = (path: string): string => (path.length > 1 && path.endsWith('/') ? path.slice(0, -1) : path)

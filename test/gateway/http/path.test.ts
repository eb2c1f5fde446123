import fc from 'fast-check'
import t from 'tap'
import { parseTarget } from '../../../gateway/http/path.ts'

const path = (url: string) => {
  const target = parseTarget(url, 'chat.example')
  return typeof target === 'string' ? target : target.path
}

t.test('plain targets are their own canonical form', async (t) => {
  for (const url of [
    '/',
    '/rooms',
    '/rooms/',
    '/admin/clients/a:b@c/token/',
    '/.well-known/x',
    '/a;b/c',
    '/a|b',
  ])
    t.equal(path(url), url)
})

t.test('escapes of unreserved characters are decoded, others stay, upper case', async (t) => {
  t.equal(path('/%61dmin/cl%69ents'), '/admin/clients')
  t.equal(path('/rooms/a%2fb'), '/rooms/a%2Fb')
  t.equal(path('/rooms/%e7%94%a8'), '/rooms/%E7%94%A8')
})

t.test('what two servers could read differently is ambiguous', async (t) => {
  const urls = [
    '//rooms',
    '/rooms//x',
    '/rooms/./x',
    '/rooms/../x',
    '/rooms/%2e%2e/x',
    '/rooms/.%2E',
    '/rooms/..',
    '/a\\b',
    '/a%5cb',
    '/a%00',
    '/a%0d%0ab',
    '/a%zz',
    '/a%',
    '/a%4',
    '/a#b',
    '/a?b#c',
    '*',
    'rooms',
    'http://evil.example/x',
    'ftp://chat.example/',
    '/a b',
    '/caf\xe9',
    '/a?\xe9',
    'http:///x',
    '/a%7f',
  ]
  for (const url of urls) t.equal(path(url), 'ambiguous', url)
})

t.test('the absolute form is read where it names this host', async (t) => {
  t.same(parseTarget('http://Chat.example/me?x=1', 'chat.example'), { path: '/me', query: '?x=1' })
  t.same(parseTarget('http://chat.example?x', 'chat.example'), { path: '/', query: '?x' })
})

t.test('a long target is told apart', async (t) => {
  t.equal(path(`/${'a'.repeat(9_000)}`), 'too-long')
})

t.test('property: a canonical path is a fixed point, without dot or empty segments', async () => {
  const piece = fc.oneof(
    fc.constantFrom(
      '/',
      '.',
      '..',
      '%2e',
      '%2F',
      '%61',
      '%5C',
      '%',
      '//',
      'a',
      'rooms',
      ';',
      '~',
      '%00',
      '%c3%a9',
    ),
    fc.string({ maxLength: 3 }),
  )
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 8 }), (pieces) => {
      const first = path(`/${pieces.join('').replaceAll('?', '')}`)
      if (first === 'ambiguous') return true
      const segments = first.split('/').slice(1)
      return (
        path(first) === first &&
        !segments.some((s) => s === '.' || s === '..') &&
        !segments.slice(0, -1).includes('')
      )
    }),
    { numRuns: 3_000 },
  )
})

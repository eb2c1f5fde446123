import { isDeepStrictEqual } from 'node:util'
import fc from 'fast-check'
import t from 'tap'
import { createFieldLines, LineMemory, ownLine, ownName } from '../../../gateway/headers/field-lines.ts'

const lines = createFieldLines((lower) => lower.length, /^(?:host|date)$/)

t.test('a line is checked, trimmed and as it will be written', async (t) => {
  t.match(lines.read('X-Custom: a b'), {
    name: { raw: 'X-Custom', lower: 'x-custom', role: 8 },
    value: 'a b',
    text: 'X-Custom: a b\r\n',
  })
  t.equal(lines.read('A:b')?.text, 'A: b\r\n')
  t.equal(lines.read('A: \t b \t')?.text, 'A: b\r\n')
  t.equal(lines.read('A:')?.text, 'A: \r\n')
  t.equal(lines.read('A: b: c')?.value, 'b: c')
  t.equal(lines.read('A: caf\xe9')?.text, 'A: caf\xe9\r\n')
  t.same(lines.of('X-Custom', ' a b'), lines.read('X-Custom: a b'))
})

t.test('nothing that would break out of its line is one', async (t) => {
  for (const value of ['b\r\nC: d', 'b\nC: d', 'b\r', '\0', '\x7f', '\u010d\u010aC: d']) {
    t.equal(lines.of('A', value), undefined, JSON.stringify(value))
    t.equal(lines.read(`Date: ${value}`), undefined, JSON.stringify(value))
    t.throws(() => ownLine(ownName('A'), value), { code: 'INTERNAL' })
  }
  for (const name of ['', ' A', 'A ', 'A: b\r\nC', 'A(', 'Ä'])
    t.equal(lines.of(name, 'b'), undefined, JSON.stringify(name))
  t.equal(lines.read('no colon'), undefined)
})

t.test(
  'lines that come again are the same object, where their name is one of those that repeat',
  async (t) => {
    t.equal(lines.read('Host: a'), lines.read('Host: a'))
    t.not(lines.read('Host: a'), lines.read('host: a'))
    t.equal(lines.read('host: a')?.text, 'host: a\r\n')
    t.not(lines.read('Authorization: a'), lines.read('Authorization: a'))
    t.equal(lines.read('Authorization: a')?.name, lines.read('Authorization: b')?.name)
  },
)

t.test('a flood of lines does not fill the memory, and changes no answer', async (t) => {
  const first = lines.read('Host: first')
  for (let i = 0; i < 10_000; i++) {
    if (lines.read(`Host: ${i}`)?.value !== `${i}`) t.fail(`line ${i}`)
    if (lines.read(`X-${i}: ${i}`)?.name.raw !== `X-${i}`) t.fail(`name ${i}`)
  }
  t.not(lines.read('Host: first'), first, 'it was forgotten')
  t.same(lines.read('Host: first'), first)
  const used = lines.read('Host: used')
  for (let i = 0; i < 10_000; i++) {
    lines.read(`Host: ${i}`)
    if (lines.read('Host: used') !== used) t.fail('what is used is not pushed out')
  }
})

t.test('property: a memory of the section before changes no reading', async () => {
  const line = fc.constantFrom(
    'Host: a',
    'Host: b',
    'host: a',
    'Date: 1',
    'Date: 10',
    'X: 1',
    'X: 2',
    'no colon',
    '',
  )
  fc.assert(
    fc.property(fc.array(fc.array(line, { maxLength: 5 }), { maxLength: 5 }), (sections) => {
      const memory = new LineMemory(lines)
      return sections.every((section) => {
        const text = section.join('\r\n')
        let start = 0
        return section.every((source, nth) => {
          const read = memory.read(nth, text, start, start + source.length)
          start += source.length + 2
          return isDeepStrictEqual(read, lines.read(source))
        })
      })
    }),
    { numRuns: 2_000 },
  )
})

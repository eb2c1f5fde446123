import fc from 'fast-check'
import t from 'tap'
import { judgePacket } from '../../../gateway/tunnel/packet-grammar.ts'
import { carriesRawAuth } from './client-frames.ts'

t.test('a CONNECT that carries anything, and an authentication, are exchanged', async (t) => {
  for (const text of ['40{}', '40{"token":"x"}', '40/admin,', '40/?token=x,'])
    t.equal(judgePacket(text), 'connect', text)
  const spelt = ['"auth"', '"auth2"', '"\\u0061uth"', '"\\u0061\\u0075\\u0074\\u0068\\u0032"', '"aut\\u0068"']
  for (const name of spelt)
    for (const start of ['42[', '420[', '4212345678901234567890[', '42[ \t\r\n'])
      t.equal(judgePacket(`${start}${name},"x"]`), 'authenticate', `${start}${name}`)
})

t.test('everything that shipped clients send beside that passes', async (t) => {
  const texts = [
    '2',
    '3',
    '2probe',
    '3probe',
    '5',
    '6',
    '1',
    '40',
    '41',
    '41/admin,',
    '430[]',
    '4312["x"]',
    '461-0[{}]',
    '420["conf",{"encoding":"base64"}]',
    '42["typing","room"]',
    '42["chat message",{"room":"r"}]',
    '42[5]',
    '42["auth3"]',
    '42["aut"]',
    '42["Auth"]',
    '42["auth2x"]',
    '42["auth22"]',
    '42["a\\u0062"]',
    '42["\\"auth"]',
    '451-["file",{"_placeholder":true,"num":0}]',
    '451-7["file",{}]',
    '',
    'bAAAA',
  ]
  for (const text of texts) t.equal(judgePacket(text), 'pass', text)
})

t.test('what is not exactly the grammar is refused', async (t) => {
  const texts = [
    '4',
    '42',
    '42 ["auth"]',
    '42\t["auth"]',
    '42-1["auth"]',
    '421e1["auth"]',
    '42123456789012345678901["x"]',
    `42[${' '.repeat(17)}"auth"]`,
    '42/admin,["auth"]',
    '42/,["auth"]',
    '42/a/..,["x"]',
    '42{"a":1}',
    '42"auth"',
    '42[["auth"]]',
    '42[{"a":1}]',
    '42[null]',
    '42["au',
    '451-["auth","x"]',
    '451-1["auth2"]',
    '45-["auth"]',
    '451 -["x"]',
    '450x1-["x"]',
    '451e0-["x"]',
    '45100-["x"]',
    '451-/n,["x"]',
    '44{}',
    '47',
    '4 {}',
    '4\u00a0{}',
    '401{"a":1}',
    '40 {}',
    '40[]',
    '41x',
    '43[]',
    '43e1[]',
    '46-[]',
    '42["a\\u00zz"]',
  ]
  for (const text of texts) t.equal(judgePacket(text), 'refuse', JSON.stringify(text))
})

t.test('nothing that passes is an authentication to the parsers that the core uses', async (t) => {
  const piece = fc.constantFrom(
    '4',
    '2',
    '5',
    '0',
    '1',
    '1-',
    '12',
    ' ',
    '\t',
    '/',
    '/a',
    ',',
    '/,',
    '[',
    '"',
    'auth',
    'auth2',
    '"auth"',
    '\\u0061',
    '\\u0041',
    'uth',
    '"auth2"',
    ',"t"]',
    ']',
    '{}',
    '-',
    '.',
    'e1',
    '\u00a0',
    '\ufeff',
    '\u2028',
    'é',
    '\\',
    'null',
  )
  const text = fc
    .tuple(fc.constantFrom('', '4', '42', '45', '42[', '451-', '42["'), fc.array(piece, { maxLength: 8 }))
    .map(([start, pieces]) => start + pieces.join(''))
  t.doesNotThrow(() =>
    fc.assert(
      fc.property(text, (text) => judgePacket(text) !== 'pass' || !carriesRawAuth(text)),
      { numRuns: 10_000 },
    ),
  )
})

import fc from 'fast-check'

/** Engine.IO texts by the grammar of Socket.IO, and near it: every place where a lax reader could differ is a choice. */
const blank = fc.constantFrom('', '', '', ' ', '\t', '\n', '\u00a0', '\ufeff', '\0')
const type = fc.constantFrom('2', '2', '2', '2', '0', '1', '3', '5', '6', '7', '')
const attachments = fc.constantFrom('', '', '', '0-', '1-', '01-', '1e1-', '-', ' 1-')
const namespace = fc.constantFrom('', '', '', '', '/', '/,', '/a,', '//,', '/?x=1,', '/auth,')
const id = fc.constantFrom('', '', '1', '007', '1e1', '-1', '99999999999999999999', '٣')
const escaped = (name: string) =>
  fc
    .array(fc.constantFrom('plain', 'plain', 'plain', 'lower', 'upper', 'broken'), {
      minLength: 6,
      maxLength: 6,
    })
    .map((ways) =>
      [...name]
        .map((letter, i) => {
          const hex = letter.charCodeAt(0).toString(16).padStart(4, '0')
          if (ways[i] === 'lower') return `\\u${hex}`
          if (ways[i] === 'upper') return `\\u${hex.toUpperCase()}`
          return ways[i] === 'broken' ? `\\U${hex}` : letter
        })
        .join(''),
    )
const event = fc
  .constantFrom(
    'auth',
    'auth2',
    'auth',
    'auth2',
    'Auth',
    'auth3',
    'aut',
    'authentication',
    'conf',
    '__proto__',
  )
  .chain(escaped)
const argument = fc.constantFrom(
  '"good-token"',
  '"good-token",{"CLIENT_KEY":"good-key","Authorization":"good-token"}',
  'null,{"IM-CLIENT-KEY":"good-key","IM-Authorization":"good-token"}',
  '{"_placeholder":true,"num":0}',
  '{"__proto__":{"Authorization":"good-token"}}',
  '{"identity":"v1.k.x.y"}',
  '["good-token"]',
  '7',
  'undefined',
  '"good-token',
)
const end = fc.constantFrom(']', ']', ']', ']]', '', ' ]', '],')
const array = fc
  .tuple(blank, fc.constantFrom('"', '"', '"', "'", ''), event, blank, argument, end)
  .map(
    ([before, quote, name, after, value, last]) =>
      `[${before}${quote}${name}${quote}${after},${value}${last}`,
  )
const object = fc.constantFrom(
  '{}',
  '{"token":"good-token"}',
  '{"IM_Client.Key":"good-key","authorization":"Bearer good-token","theme":"dark"}',
  '{"im-identity":"v1.k.x.y"}',
  '{"Im_Identity":{"a":1},"x":2}',
  '{"__proto__":{"token":"good-token"},"constructor":1}',
  '{"token":"good-token"',
  '{"token":["good-token"]}',
)

/** Beside near-grammar texts, some of no grammar. */
export const packetText = fc.oneof(
  {
    weight: 8,
    arbitrary: fc
      .tuple(fc.constantFrom('4', '4', '4', '4', '3', 'b', ''), type, attachments, namespace, id, array)
      .map((parts) => parts.join('')),
  },
  {
    weight: 3,
    arbitrary: fc
      .tuple(fc.constantFrom('40', '40/,', '40/a,', '40/?token=x,'), object)
      .map((parts) => parts.join('')),
  },
  { weight: 1, arbitrary: fc.string({ maxLength: 30 }) },
  { weight: 1, arbitrary: fc.constantFrom('2', '3', '2probe', '3probe', '5', '6', '40', '41', '4', '') },
)

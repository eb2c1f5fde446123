import fc from 'fast-check'
import t from 'tap'
import { createCensor } from '../../../core/chat/censor.ts'

t.test('words are masked character by character', async (t) => {
  const censor = createCensor(['he', 'she', 'his', 'hers', '💣', 'a.b'])
  t.equal(censor('ushers'), 'u*****')
  t.equal(censor('nothing of it'), 'nothing of it')
  t.equal(censor('He SHE'), 'He SHE', 'as they are written')
  t.equal(censor('a 💣 b'), 'a * b', 'one star for one character')
  t.equal(censor('a.b axb'), '*** axb', 'no patterns')
  t.equal(censor('hehehe'), '******')
  t.equal(createCensor([])('he'), 'he')
  t.equal(createCensor([''])('he'), 'he')
})

t.test('it masks exactly what lies inside a word’s occurrence', async () => {
  const letters = fc.string({ unit: fc.constantFrom('a', 'b', 'c'), maxLength: 24 })
  const words = fc.array(fc.string({ unit: fc.constantFrom('a', 'b', 'c'), minLength: 1, maxLength: 4 }), {
    maxLength: 5,
  })
  fc.assert(
    fc.property(letters, words, (text, list) => {
      const hidden = new Set<number>()
      for (const word of list)
        for (let at = text.indexOf(word); at >= 0; at = text.indexOf(word, at + 1))
          for (let i = at; i < at + word.length; i += 1) hidden.add(i)
      const expected = [...text].map((letter, i) => (hidden.has(i) ? '*' : letter)).join('')
      return createCensor(list)(text) === expected
    }),
  )
})

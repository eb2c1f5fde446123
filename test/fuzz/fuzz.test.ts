import t from 'tap'
import { fuzz, readCorpus, targets } from './fuzz.ts'

// A bounded run of every fuzzer, from a seed that is new each time; `npm run fuzz` runs them for as long as one likes.

const SECONDS_EACH = 1.5

for (const target of targets) {
  t.test(`${target.name}: the oracle agrees with every case once found, and with new ones`, async (t) => {
    t.teardown(() => target.close?.())
    for (const input of await readCorpus(target.name))
      await t.resolves(Promise.resolve(input).then(target.check), JSON.stringify(input).slice(0, 100))
    const { runs, finding } = await fuzz(target, SECONDS_EACH, Math.floor(Math.random() * 2 ** 31))
    t.ok(runs > 0)
    t.equal(finding, undefined, JSON.stringify(finding))
  })
}

import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import t from 'tap'

const PROGRAM = join(import.meta.dirname, '../../bench/compare.ts')

/** Results in which the gateway costs so much in each round, and the yardstick ten. */
const resultText = (...costs: number[]): string =>
  JSON.stringify({
    titles: { 'get-64': 'GET' },
    measurements: costs.flatMap((cpuUs, round) => [
      { round, scenario: 'get-64', rival: 'gateway', cpuUs },
      { round, scenario: 'get-64', rival: 'nginx + Lua', cpuUs: 10 },
    ]),
  })

const directory = t.testdir({
  'before.json': resultText(14, 14, 14),
  'same.json': resultText(15, 14, 15),
  'worse.json': resultText(18, 18, 18),
  'nothing.json': JSON.stringify({ titles: {}, measurements: [] }),
})

function compare(...names: string[]) {
  const files = names.map((name) => join(directory, name))
  return spawnSync(process.execPath, [PROGRAM, ...files], { encoding: 'utf8' })
}

t.test('what differs by no more than noise passes, and is told', async (t) => {
  const { status, stdout } = compare('before.json', 'same.json')
  t.equal(status, 0)
  t.match(stdout, /^get-64 cpuUs: 1\.40 → 1\.50 .* same$/m)
})

t.test('what grew beyond noise fails', async (t) => {
  const { status, stdout } = compare('before.json', 'worse.json')
  t.equal(status, 1)
  t.match(stdout, /^get-64 cpuUs: 1\.40 → 1\.80 \(29 %, noise 15 %\) worse$/m)
})

t.test('runs that have nothing in common are no proof, and fail', async (t) => {
  const { status, stderr } = compare('before.json', 'nothing.json')
  t.equal(status, 1)
  t.match(stderr, 'nothing was measured in both')
})

t.test('without a file it says how it is used', async (t) => {
  const { status, stderr } = compare()
  t.equal(status, 2)
  t.match(stderr, /^usage:/)
})

import { execFile } from 'node:child_process'
import { join } from 'node:path'
import t from 'tap'

const RUNNER = join(import.meta.dirname, 'run.ts')

/** The runner's exit code and its last line, for these files. */
function run(...args: string[]): Promise<{ code: number; last: string | undefined; output: string }> {
  return new Promise((resolve) => {
    execFile(process.execPath, [RUNNER, ...args], (error, stdout) => {
      resolve({
        code: error === null ? 0 : Number(error.code),
        last: stdout.trimEnd().split('\n').at(-1),
        output: stdout,
      })
    })
  })
}

const test = (body: string) => `import t from 'tap'\nt.test('inner', async (t) => {\n${body}\n})\n`
/** The options of tap by which a test is left out, or may fail. */
const PUT_OFF = ['skip', 'todo']
const putOff = (option: string) =>
  `import t from 'tap'\nt.test('later', { ${option}: 'not now' }, async () => {})\n`
const files = t.testdir({
  'good.test.ts': test("t.equal(1, 1)\nt.test('deeper', async (t) => { t.ok(true) })"),
  'bad.test.ts': test("t.pass('fine')\nt.test('deeper', async (t) => { t.equal(1, 2, 'one is two') })"),
  'throws.test.ts': test("throw new Error('thrown')"),
  'dies.test.ts': "throw new Error('at import')\n",
  'empty.test.ts': '',
  ...Object.fromEntries(PUT_OFF.map((option) => [`${option}.test.ts`, putOff(option)])),
  'exits.test.ts': test("t.pass('fine')\nprocess.exit(3)"),
})
const at = (name: string) => join(files, `${name}.test.ts`)

t.test('assertions are counted, not the subtests around them', async (t) => {
  t.match(await run(at('good')), { code: 0, last: '2 passed, 0 failed' })
})

t.test('a failure is counted once, named with its path, and ends the run with 1', async (t) => {
  const { code, last, output } = await run(at('good'), at('bad'))
  t.match({ code, last }, { code: 1, last: '3 passed, 1 failed' })
  t.match(output, /FAILED {2}.*bad\.test\.ts › inner › deeper › one is two/)
})

t.test('a test that throws, a file that dies, exits or runs nothing: each is one failure', async (t) => {
  for (const name of ['throws', 'dies', 'empty'])
    t.match(await run(at(name)), { code: 1, last: '0 passed, 1 failed' }, name)
  t.match(await run(at('exits')), { code: 1, last: /^1 passed, [12] failed$/ })
})

t.test('a test that is put off is counted, and no run with one is a success', async (t) => {
  for (const option of PUT_OFF) {
    t.match(await run(at(option)), { code: 1, last: '0 passed, 0 failed, 1 skipped' }, option)
    t.match(await run(at('good'), at(option)), { code: 1, last: '2 passed, 0 failed, 1 skipped' }, option)
  }
})

t.test('a file that is not there ends the run', async (t) => {
  t.match(await run(at('missing')), { code: 1 })
})

import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setFlagsFromString } from 'node:v8'
import { runInThisContext } from 'node:vm'
import t from 'tap'

setFlagsFromString('--allow-natives-syntax')
const hasFastProperties = runInThisContext('(object) => %HasFastProperties(object)')

t.test('the methods of texts', async (t) => {
  await import('ioredis')
  t.notOk(hasFastProperties(String.prototype), 'slow as soon as ioredis is there: why all this is done')
  await import('#contract/fast-strings.ts')
  t.ok(hasFastProperties(String.prototype), 'fast again')
  const another = class extends String {}
  t.ok(new another('text') instanceof String)
  t.ok(hasFastProperties(String.prototype), 'and no class makes them slow again')
})

t.test('both services see to it before they import anything else', async (t) => {
  for (const service of ['gateway', 'core']) {
    const text = await readFile(join(import.meta.dirname, `../../${service}/main.ts`), 'utf8')
    t.equal(/^import .*$/m.exec(text)?.[0], "import '#contract/fast-strings.ts'", service)
  }
})

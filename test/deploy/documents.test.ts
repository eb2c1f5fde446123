import { access, glob, readFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import t from 'tap'
import { commands } from '../../deploy/im/commands.ts'

const ROOT = join(import.meta.dirname, '../..')
const documents: string[] = []
for await (const path of glob(['README.md', 'CHANGELOG.md', 'docs/**/*.md'], { cwd: ROOT }))
  documents.push(path)

const OUR_FOLDERS = /^(gateway|core|deploy|bench|test|docs)\//

t.test('links and paths in the documents lead somewhere', async (t) => {
  t.ok(documents.includes('docs/architecture.md'))
  for (const path of documents) {
    const text = await readFile(join(ROOT, path), 'utf8')
    const links = [...text.matchAll(/\]\(([^)#]+)[^)]*\)/g)].map((match) => match[1] ?? '')
    const named = [...text.matchAll(/`([\w./-]+)`/g)].map((match) => match[1] ?? '')
    const targets = [
      ...links.filter((link) => !/^https?:/.test(link)).map((link) => join(ROOT, dirname(path), link)),
      ...named.filter((name) => OUR_FOLDERS.test(name)).map((name) => join(ROOT, name)),
    ]
    for (const target of targets) await t.resolves(access(target), `${path}: ${target.slice(ROOT.length)}`)
  }
})

t.test('commands that the documents name are there, with the options that they name', async (t) => {
  const { scripts } = JSON.parse(await readFile(join(ROOT, 'package.json'), 'utf8'))
  let seen = 0
  for (const path of documents) {
    const text = await readFile(join(ROOT, path), 'utf8')
    for (const [, name = ''] of text.matchAll(/npm run (?:--silent )?([\w:]+)/g)) t.ok(name in scripts, name)
    for (const [, line = ''] of text.matchAll(/(?:`im|npm run --silent im --) ([a-z][^`\n]*)/g)) {
      const words = line.split(/\s/)
      if (words[0] === 'help') continue
      const command = commands.find(({ name }) => name.split(' ').every((word, i) => words[i] === word))
      if (!t.ok(command, `${path}: im ${line}`)) continue
      for (const [, option = ''] of line.matchAll(/ --([\w-]+)/g))
        t.ok(
          option === 'help' || option === 'json' || option in (command?.options ?? {}),
          `${path}: im ${line}`,
        )
      seen++
    }
  }
  t.ok(seen > 20)
})

t.test('each decision has a number of its own', async (t) => {
  const names = documents.filter((path) => path.startsWith('docs/decisions/'))
  const numbers = names.map((path) => /^docs\/decisions\/(\d{4})-[a-z0-9-]+\.md$/.exec(path)?.[1])
  t.notOk(numbers.includes(undefined), names.join(' '))
  t.equal(new Set(numbers).size, numbers.length)
})

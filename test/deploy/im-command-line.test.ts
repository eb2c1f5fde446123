import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import t from 'tap'
import { commands } from '../../deploy/im/commands.ts'
import { freePort } from '../support/free-port.ts'
import { im } from './im.ts'

const ROOT = join(import.meta.dirname, '../..')

t.test('help is there for everything', async (t) => {
  const help = await im([])
  t.equal(help.code, 0)
  for (const { name, says } of commands) t.ok(help.stdout.includes(name) && help.stdout.includes(says), name)
  for (const words of [['keys'], ['help', 'keys'], ['keys', '--help']]) {
    const family = await im(words)
    t.equal(family.code, 0)
    t.match(family.stdout, /keys rotate/)
    t.notMatch(family.stdout, /users list/)
  }
  const one = await im(['keys', 'rotate', '--help'])
  t.equal(one.code, 0)
  t.match(one.stdout, /^Usage: im keys rotate <id> \[options\]$/m)
  t.match(one.stdout, /--overlap <time>/)
  t.same((await im(['help', 'keys', 'rotate'])).stdout, one.stdout)
})

t.test('a wrong command line is one line that says where to read more, and exit code 2', async (t) => {
  for (const [line, says] of [
    ['kyes list', /^im: there is no command "kyes": im help/],
    ['keys lits', /^im: there is no command "keys lits"/],
    ['keys list --al', /^im: --al is not an option here: im keys list --help/],
    ['keys list --app', /^im: --app needs a value, or takes none: im keys list --help/],
    ['keys list --json=yes', /^im: --json needs a value, or takes none/],
    ['keys list', /^im: whose\? --app <app> as an operator, --gateway <url> as a customer/],
    ['keys list --app a --gateway http://x', /^im: --app is for operators/],
    ['keys create --app a', /^im: <platform-key\|client-key> is missing/],
    ['keys create --app a master-key', /^im: "master-key" is not a kind of key/],
    ['keys create --app a client-key another', /^im: "another" is too much/],
    ['keys rotate --app a k1 --overlap soon', /^im: "soon" is neither 30m/],
    ['tokens revoke ann', /^im: which\? --token-file <file>, or --all/],
    ['webhooks replay', /^im: which\? an id, or --all/],
    ['users list --limit many', /^im: --limit is not a whole number from 1 to 1000/],
    ['users list --gateway nowhere', /^im: "nowhere" is not a URL/],
    ['users list', /^im: The platform key is missing: set PLATFORM_KEY, or --platform-key-file/],
    ['load --users 9', /^im: the client key is missing/],
    ['completion fish', /^im: "fish" is not a shell that is known here/],
  ] as const) {
    const { code, stdout, stderr } = await im(line.split(' '))
    t.equal(code, 2, line)
    t.match(stderr, says, line)
    t.equal(stderr.trim().split('\n').length, 1, `${line}: one line`)
    t.equal(stdout, '')
  }
})

t.test(
  'a service that cannot be reached is one line that says what to look at, and exit code 1',
  async (t) => {
    const url = `http://127.0.0.1:${await freePort()}`
    const core = await im(['apps', 'list', '--admin-url', url])
    t.equal(core.code, 1)
    t.equal(
      core.stderr,
      `im: no core answers at ${url}: is it running? (--admin-url or CORE_ADMIN_URL) (ECONNREFUSED)\n`,
    )
    const gateway = await im(['users', 'list', '--gateway', url], { env: { PLATFORM_KEY: 'a-key' } })
    t.equal(gateway.code, 1)
    t.match(gateway.stderr, /^im: no gateway answers at .*\(ECONNREFUSED\)\n$/)
    t.notMatch(gateway.stderr, 'a-key')
  },
)

t.test('bash completes commands, their options and the kinds they take', async (t) => {
  const { stdout: script } = await im(['completion', 'bash'])
  const complete = async (...words: string[]) => {
    const lines = `${script}\nCOMP_WORDS=(${words.map((word) => `'${word}'`).join(' ')}); COMP_CWORD=${words.length - 1}; _im; echo "\${COMPREPLY[*]}"`
    const { stdout } = await promisify(execFile)('bash', ['-c', lines], { cwd: ROOT })
    return stdout.trim().split(' ').sort()
  }
  t.same(await complete('im', 'ke'), ['keys'])
  t.same(await complete('im', 'keys', ''), ['create', 'list', 'revoke', 'rotate'])
  t.same(await complete('im', 'keys', 'rotate', '--ov'), ['--overlap'])
  t.same(await complete('im', 'keys', 'create', 'cl'), ['client-key'])
  t.same(await complete('im', 'load', '--us'), ['--users'])
  t.same(await complete('im', 'import', 'READ'), ['README.md'], 'a file')
  t.same(await complete('im', 'import', '--ap'), ['--app'])
  t.same(await complete('im', 'apps', 'set', 'packa'), ['package-lock.json', 'package.json'])
  t.same(await complete('im', 'apps', 'se'), ['set'])
  t.match((await im(['completion', 'zsh'])).stdout, /bashcompinit/)
})

/**
 * Two ways lead through the gateway: the fast lane for plain requests, and node:http for all others. What holds on one
 * must hold on the other, so every attack on requests is run again with the lane switched off.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import t from 'tap'

const ATTACKS = /^(request-|upstream-|slow-requests|cors-tricks|cross-site|own-header|timing).*\.test\.ts$/

t.test('no attack on requests succeeds without the fast lane', { timeout: 300_000 }, async (t) => {
  const files = (await readdir(import.meta.dirname)).filter((name) => ATTACKS.test(name))
  t.ok(files.length > 10)
  for (const file of files) {
    const child = spawn(process.execPath, [join(import.meta.dirname, file)], {
      env: { PATH: process.env.PATH, FAST_LANE: 'off' },
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    t.teardown(() => child.kill())
    const [output, [code]] = await Promise.all([text(child.stdout), once(child, 'exit')])
    t.equal(code, 0, file)
    if (code !== 0) t.comment(output.slice(-2_000))
  }
})

/**
 * Two ways lead through the gateway: the fast lane for plain requests, and node:http for all others. What holds on one
 * must hold on the other, so every attack on a gateway of its own process is run again here with the lane switched off:
 * in this one process, which starts Node and its modules once.
 */
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'

process.env.FAST_LANE = 'off'

/** These have nothing to do with a lane: they start no gateway here, or speak HTTP/2 or sockets alone. */
const ELSEWHERE = /^(by-node|node-parser|h2-|auth-event-|upgrade-|socket-)/
const files: string[] = []
for (const name of await readdir(import.meta.dirname)) {
  if (ELSEWHERE.test(name) || !name.endsWith('.test.ts')) continue
  const source = await readFile(join(import.meta.dirname, name), 'utf8')
  if (/\bstartGateway\(/.test(source)) files.push(name)
}

t.ok(files.length > 20, `${files.length} files`)
for (const file of files.sort()) await import(join(import.meta.dirname, file))

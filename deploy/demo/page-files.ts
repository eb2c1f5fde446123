import { readdir, readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, extname, join } from 'node:path'

export type PageFile = { type: string; body: Buffer }

const TYPES: Record<string, string> = {
  '.html': 'text/html; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.svg': 'image/svg+xml',
}

/**
 * The page, read once: a request names an entry of this map or nothing, so no path can lead elsewhere. The
 * Socket.IO client is the one that the server's package brings along.
 */
export async function readPageFiles(): Promise<Map<string, PageFile>> {
  const directory = join(import.meta.dirname, 'page')
  const files = new Map<string, PageFile>()
  for (const name of await readdir(directory)) {
    const type = TYPES[extname(name)]
    if (type !== undefined) files.set(name, { type, body: await readFile(join(directory, name)) })
  }
  const socketIo = dirname(createRequire(import.meta.url).resolve('socket.io/package.json'))
  const client = await readFile(join(socketIo, 'client-dist', 'socket.io.esm.min.js'))
  files.set('socket.io.js', { type: 'text/javascript; charset=utf-8', body: client })
  return files
}

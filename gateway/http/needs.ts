import type { Need } from '../pipeline.ts'
import { withoutTrailingSlash } from './path.ts'

/** Addresses that are used before, or without, a client token. Everything else needs an identity. */
const OPEN: Record<string, Need> = {
  'POST /auths/sign': 'client-key',
  'POST /auths/sign/v2': 'client-key',
  'POST /badges': 'client-key',
  'GET /stickers': 'nothing',
  'HEAD /stickers': 'nothing',
  'GET /stickers/res': 'nothing',
  'HEAD /stickers/res': 'nothing',
  'GET /openapi.json': 'nothing',
}

const needs = new Map(Object.entries(OPEN))
/** For all other paths no text is made to look up. */
const openPaths = new Set(Object.keys(OPEN).map((address) => address.slice(address.indexOf(' ') + 1)))

/** Two segments at least: a bucket and a file. */
const FILE_PATH = /^\/files\/[^/]+\/./

/** Pages, without a credential: whoever uses the console types one in. */
const PAGE_PATH = /^\/(?:console|reference)(?:\/|$)/

export function needOf(method: string, path: string, query = ''): Need {
  const plain = withoutTrailingSlash(path)
  const need = openPaths.has(plain) ? needs.get(`${method} ${plain}`) : undefined
  if (need !== undefined) return need
  if (PAGE_PATH.test(path) && (method === 'GET' || method === 'HEAD')) return 'nothing'
  return isSignedFile(method, path, query) ? 'nothing' : 'identity'
}

/** An address that the core signed carries its own proof, which the core verifies: `<img>` sends no headers. */
function isSignedFile(method: string, path: string, query: string): boolean {
  if ((method !== 'GET' && method !== 'HEAD') || !FILE_PATH.test(path)) return false
  const names = new URLSearchParams(query)
  return names.has('Expires') && names.has('Signature')
}

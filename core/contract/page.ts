import { join } from 'node:path'

/** Nothing from elsewhere, no script or style inside the page, and nobody else's page around it. */
const POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; " +
  "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

const HEADERS = {
  'content-security-policy': POLICY,
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cache-control': 'no-cache',
}

/** For @fastify/static: the files of a page's folder, and those that all our pages have in common. */
export const pageFiles = (folder: string, prefix: string) => ({
  root: [folder, join(import.meta.dirname, 'page')],
  prefix,
  index: false as const,
  // Each file is a route, so a path names one of them or nothing.
  wildcard: false,
  setHeaders: (reply: { headers(values: typeof HEADERS): unknown }) => reply.headers(HEADERS),
})

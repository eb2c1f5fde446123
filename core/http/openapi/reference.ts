import { readFile } from 'node:fs/promises'
import type { FastifyPluginAsync } from 'fastify'
import type { Route } from '../route.ts'
import { describeRoutes } from './document.ts'

/** The page needs nothing from elsewhere, and nobody else's page may frame it. */
const POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

const FILES = [
  ['/reference', 'reference.html', 'text/html; charset=utf-8'],
  ['/reference/reference.css', 'reference.css', 'text/css; charset=utf-8'],
  ['/reference/reference.js', 'reference.js', 'text/javascript; charset=utf-8'],
] as const

/** `GET /openapi.json`, and a page to read it: they say nothing that an installation keeps to itself. */
export const reference: FastifyPluginAsync<{ routes: readonly Route[] }> = async (server, { routes }) => {
  const text = JSON.stringify(describeRoutes(routes))
  server.get('/openapi.json', async (_request, reply) =>
    reply
      .header('cache-control', 'no-cache')
      .header('x-content-type-options', 'nosniff')
      .type('application/json; charset=utf-8')
      .send(text),
  )
  for (const [url, name, type] of FILES) {
    const content = await readFile(new URL(`page/${name}`, import.meta.url), 'utf8')
    server.get(url, async (_request, reply) =>
      reply
        .header('cache-control', 'no-cache')
        .header('x-content-type-options', 'nosniff')
        .header('referrer-policy', 'no-referrer')
        .header('content-security-policy', POLICY)
        .type(type)
        .send(content),
    )
  }
}

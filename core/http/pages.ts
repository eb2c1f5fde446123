import { join } from 'node:path'
import fastifyStatic from '@fastify/static'
import type { FastifyPluginAsync } from 'fastify'
import { pageFiles } from '#contract/page.ts'

/**
 * Pages for everyone; neither holds anything. The console is of customers' developers: the platform key is typed in,
 * stays in the page's memory, and goes with each of its requests (docs/decisions/0004). The other reads /openapi.json.
 */
const PAGES = { '/console': 'console/page', '/reference': 'openapi/page' }

export const pages: FastifyPluginAsync = async (server) => {
  for (const [at, folder] of Object.entries(PAGES))
    server.register(async (scope) => {
      scope.get(at, (request, reply) =>
        // The router takes both for one, and the page's own links need the slash.
        request.url.startsWith(`${at}/`) ? reply.sendFile('index.html') : reply.redirect(`${at}/`),
      )
      await scope.register(fastifyStatic, pageFiles(join(import.meta.dirname, folder), `${at}/`))
    })
}

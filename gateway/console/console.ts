import { createRequire } from 'node:module'
import { isIP } from 'node:net'
import { dirname, join } from 'node:path'
import fastifyStatic from '@fastify/static'
import websocket from '@fastify/websocket'
import type { FastifyPluginAsync, FastifyReply, FastifyRequest } from 'fastify'
import { pageFiles } from '#contract/page.ts'
import type { Logger } from '../observe/log.ts'
import { createFeed } from './feed.ts'
import { createFigures, type FiguresParts } from './figures.ts'

export type ConsoleParts = FiguresParts & {
  log: Logger
  /** Names by which the admin port may be called, beside addresses and `localhost`. */
  hosts: readonly string[]
}

const FOREIGN =
  'The console answers to an address or to localhost only, so that no other site can read it through your browser.\n'

/** The operators' page, on the admin port: it shows, and changes nothing. */
export const consolePages: FastifyPluginAsync<ConsoleParts> = async (server, parts) => {
  const feed = createFeed({ figures: () => createFigures(parts), log: parts.log })
  server.addHook('onClose', async () => feed.close())
  await server.register(websocket, {
    options: { maxPayload: 1_024 },
    preClose(done) {
      // Who does not answer a close would hold the server open.
      for (const client of this.websocketServer.clients) client.terminate()
      done()
    },
  })
  server.addHook('onRequest', async (request, reply) => {
    if (!isOwnHost(request, parts.hosts)) return refuse(reply, FOREIGN)
    if (request.ws && !isOwnOrigin(request)) return refuse(reply, 'This feed is for the page beside it.\n')
  })

  for (const path of ['/', '/console']) server.get(path, (_request, reply) => reply.redirect('/console/'))
  server.get('/console/', (_request, reply) => reply.sendFile('index.html'))
  server.get('/console/feed', { websocket: true }, (socket) => feed.add(socket))
  await server.register(fastifyStatic, pageFiles(join(import.meta.dirname, 'page'), '/console/'))
  const chart = join(dirname(createRequire(import.meta.url).resolve('uplot/package.json')), 'dist')
  for (const name of ['uPlot.esm.js', 'uPlot.min.css'])
    server.get(`/console/${name}`, (_request, reply) => reply.sendFile(name, chart))
}

const refuse = (reply: FastifyReply, message: string) => reply.code(403).type('text/plain').send(message)

/** A site that has its own name resolve to this machine is same-origin to a browser; its name gives it away. */
function isOwnHost({ host }: FastifyRequest, hosts: readonly string[]): boolean {
  const name = host.replace(/:\d+$/, '').replace(/^\[|\]$/g, '')
  return name === 'localhost' || isIP(name) !== 0 || hosts.includes(name)
}

/** CORS does not hold for WebSockets. */
function isOwnOrigin({ headers, host }: FastifyRequest): boolean {
  const { origin } = headers
  return origin !== undefined && URL.canParse(origin) && new URL(origin).host === host
}

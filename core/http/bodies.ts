import type { FastifyInstance, FastifyRequest } from 'fastify'
import { CoreError } from '../errors.ts'
import { parseForm } from './reading.ts'

const FORM = 'application/x-www-form-urlencoded'

/**
 * Clients send POST and DELETE without a body, with an empty one of any type, as JSON or as a form. Nothing is `{}`.
 */
export function readBodies(server: FastifyInstance): void {
  const parseJson = server.getDefaultJsonParser('error', 'error')
  server.removeAllContentTypeParsers()

  server.addHook('onRequest', async (request) => {
    const { headers } = request
    const isEmpty = headers['transfer-encoding'] === undefined && !(Number(headers['content-length']) > 0)
    if (isEmpty) delete headers['content-type']
  })

  server.addContentTypeParser('*', { parseAs: 'string' }, (request, text: string, done) => {
    if (text === '') return done(null, {})
    const type = mediaTypeOf(request)
    if (type === FORM) return done(null, parseForm(text))
    if (type !== '' && type !== 'application/json' && !type.endsWith('+json'))
      return done(new CoreError('UNSUPPORTED_MEDIA_TYPE'))
    void parseJson(request, text, (error, body) =>
      error === null
        ? done(null, body)
        : done(new CoreError('INVALID_BODY', 'It is not JSON.', { cause: error })),
    )
  })
}

export const isForm = (request: FastifyRequest): boolean => mediaTypeOf(request) === FORM

const mediaTypeOf = (request: FastifyRequest): string =>
  (request.headers['content-type'] ?? '').split(';', 1)[0]!.trim().toLowerCase()

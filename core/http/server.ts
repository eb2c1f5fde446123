/**
 * The public server: every route of the contract, behind the one identity that the gateway signs. A request without
 * it is nobody's. The sockets attach to its `server`.
 */
import multipart from '@fastify/multipart'
import Fastify, { type FastifyInstance, type FastifyRequest } from 'fastify'
import { CREDENTIAL_POSITION_HEADER, IDENTITY_HEADER, type Identity } from '#contract/identity.ts'
import { type ReadyzOptions, readyz } from '../admin/readyz.ts'
import type { ChatContext } from '../chat/context.ts'
import type { FileContext } from '../chat/files.ts'
import type { CredentialContext } from '../credentials/context.ts'
import { CoreError } from '../errors.ts'
import type { IdentityVerifier } from '../identity/verifier.ts'
import type { Logger } from '../observe/log.ts'
import type { Metrics } from '../observe/metrics.ts'
import { ok } from '../wire/envelope.ts'
import { isForm, readBodies } from './bodies.ts'
import { compressAnswers } from './compression.ts'
import { answerFailure } from './failures.ts'
import { reference } from './openapi/reference.ts'
import { pages } from './pages.ts'
import { RawAnswer } from './raw-answer.ts'
import { createReader, parseForm } from './reading.ts'
import type { Caller, Route } from './route.ts'
import { routes } from './routes.ts'
import { MAX_ID_LENGTH } from './schemas.ts'
import {
  createUploads,
  NO_UPLOAD,
  PART_LIMITS,
  UPLOAD_LIMITS,
  type UploadLimits,
  type Uploads,
} from './uploads.ts'

export type PublicServerParts = ReadyzOptions & {
  chat: ChatContext
  verifier: IdentityVerifier
  credentials: CredentialContext
  /** Absent where the deployment keeps no files. */
  files?: FileContext | undefined
  uploadLimits?: Partial<UploadLimits> | undefined
  metrics: Metrics
  log: Logger
}

const BODY_LIMIT_BYTES = 1_048_576
/** An id of 256 characters, percent-encoded. */
const MAX_PARAM_LENGTH = 4_096

export function buildPublicServer(parts: PublicServerParts): FastifyInstance {
  const { verifier, metrics, log } = parts
  const server = Fastify({
    logger: false,
    bodyLimit: BODY_LIMIT_BYTES,
    forceCloseConnections: 'idle',
    routerOptions: {
      ignoreTrailingSlash: true,
      maxParamLength: MAX_PARAM_LENGTH,
      querystringParser: parseForm,
    },
    frameworkErrors: (error, request, reply) => void answerFailure(log, error, request, reply),
  })

  readBodies(server)
  compressAnswers(server)
  server.register(multipart, { limits: PART_LIMITS, throwFileSizeLimit: false })
  server.addHook('onResponse', async (_request, reply) =>
    metrics.answered(reply.statusCode, reply.elapsedTime / 1_000),
  )
  server.setErrorHandler((error, request, reply) => answerFailure(log, error, request, reply))
  server.register(readyz, parts)
  server.register(reference, { routes })
  server.register(pages)
  server.setNotFoundHandler((request) => {
    identify(verifier, request)
    throw new CoreError('NOT_FOUND')
  })
  const uploads = createUploads({ ...UPLOAD_LIMITS, ...parts.uploadLimits })
  for (const route of routes) addRoute(server, parts, uploads, route)
  return server
}

function addRoute(
  server: FastifyInstance,
  { chat, credentials, verifier, files }: PublicServerParts,
  uploads: Uploads,
  route: Route,
): void {
  const readQuery = createReader(route.query, 'INVALID_QUERY')
  const readBody = createReader(route.body, 'INVALID_REQUEST')
  const actors = new WeakMap<FastifyRequest, Identity>()
  server.route({
    method: route.method,
    url: route.path,
    // Before the body is read: who may not call has nothing to say.
    onRequest: async (request) => {
      const circumstances = { sandbox: chat.settings.sandbox, signed: isSigned(request.query) }
      actors.set(request, authorise(route.caller, identify(verifier, request), circumstances))
      if (!route.multipart && isMultipart(request)) throw new CoreError('UNSUPPORTED_MEDIA_TYPE')
    },
    handler: async (request, reply) => {
      const actor = actors.get(request)!
      const call = {
        chat,
        credentials,
        files() {
          if (files === undefined) throw new CoreError('FILES_UNAVAILABLE')
          return files
        },
        actor,
        incoming: { headers: request.headers, isHead: request.method === 'HEAD' },
        params: readIds(request.params as Record<string, string>),
        query: readQuery(request.query, true),
        body: readBody(request.body === undefined ? {} : request.body, isForm(request)),
        changedCredentials(position: number | undefined) {
          if (position !== undefined) reply.header(CREDENTIAL_POSITION_HEADER, String(position))
        },
      }
      const result = route.multipart
        ? await uploads.receive(request, reply, callerKey(actor), (upload) =>
            route.answer({ ...call, upload }),
          )
        : await route.answer({ ...call, upload: NO_UPLOAD })
      if (result instanceof RawAnswer)
        return reply.code(result.status).headers(result.headers).send(result.body)
      return route.bare ? result : ok(result)
    },
  })
}

/** No id is longer; a longer one would not fit into an index either. */
function readIds(params: Record<string, string>): Record<string, string> {
  if (Object.values(params).every((id) => id.length <= MAX_ID_LENGTH)) return params
  throw new CoreError('INVALID_REQUEST', `An id has at most ${MAX_ID_LENGTH} characters.`)
}

const isMultipart = ({ headers }: FastifyRequest): boolean =>
  /^\s*multipart\//i.test(headers['content-type'] ?? '')

/** Whether it says so; its operation finds out. */
const isSigned = (query: unknown): boolean =>
  typeof query === 'object' && query !== null && 'Expires' in query && 'Signature' in query

const callerKey = (identity: Identity): string =>
  identity.kind === 'anonymous' ? '' : `${identity.app} ${identity.credentialId}`

function identify(verifier: IdentityVerifier, request: FastifyRequest): Identity {
  const verified = verifier.verify(request.headers[IDENTITY_HEADER])
  if ('refused' in verified) throw new CoreError('UNAUTHORIZED')
  return verified.identity
}

/** 401 says "sign in again" to clients, so only nobody gets it; who may not is told 403. */
function authorise(
  caller: Caller,
  identity: Identity,
  { sandbox, signed }: { sandbox: boolean; signed: boolean },
): Identity {
  if (caller === 'nobody') return identity
  if (identity.kind === 'anonymous') {
    if (caller === 'signed' && signed) return identity
    const isEnough = caller === 'client-key' || (caller === 'sandbox' && sandbox)
    if (isEnough && identity.app !== undefined) return identity
    throw new CoreError('UNAUTHORIZED')
  }
  if ((caller === 'platform' || caller === 'sandbox') && identity.kind !== 'platform')
    throw new CoreError('PERMISSION_DENIED')
  if (caller === 'user' && identity.userId === undefined) throw new CoreError('ACTING_USER_REQUIRED')
  return identity
}

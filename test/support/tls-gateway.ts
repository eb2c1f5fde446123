import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import {
  type ClientHttp2Session,
  connect,
  type IncomingHttpHeaders,
  type OutgoingHttpHeaders,
} from 'node:http2'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect as connectTls, type TLSSocket } from 'node:tls'
import { createCertificate, type TestCertificate } from './certificate.ts'
import type { Scope } from './child-process.ts'
import { startGateway, type TestGateway } from './gateway.ts'

export type TlsFiles = {
  certFile: string
  keyFile: string
  write(certificate: TestCertificate): Promise<void>
}

export async function createTlsFiles(t: Scope, certificate: TestCertificate): Promise<TlsFiles> {
  const directory = await mkdtemp(join(tmpdir(), 'imkit-tls-'))
  t.teardown(() => rm(directory, { recursive: true }))
  const certFile = join(directory, 'tls.crt')
  const keyFile = join(directory, 'tls.key')
  const write = async ({ cert, key }: TestCertificate) => {
    await Promise.all([writeFile(certFile, cert), writeFile(keyFile, key, { mode: 0o600 })])
  }
  await write(certificate)
  return { certFile, keyFile, write }
}

/** The real gateway behind its own TLS port. */
export async function startTlsGateway(t: Scope, env: Record<string, string> = {}) {
  const certificate = createCertificate()
  const files = await createTlsFiles(t, certificate)
  const options = { env: { TLS_CERT_FILE: files.certFile, TLS_KEY_FILE: files.keyFile, ...env } }
  const gateway = await startGateway(t, options)
  return { ...gateway, certificate, files }
}

export async function openTls(
  t: Scope,
  { publicUrl }: Pick<TestGateway, 'publicUrl'>,
  ca: string,
  protocols: string[] = ['http/1.1'],
): Promise<TLSSocket> {
  const port = Number(new URL(publicUrl).port)
  const socket = connectTls({
    port,
    host: '127.0.0.1',
    servername: 'localhost',
    ca,
    ALPNProtocols: protocols,
  })
  socket.on('error', () => socket.destroy())
  t.teardown(() => socket.destroy())
  await once(socket, 'secureConnect')
  return socket
}

export async function openHttp2(
  t: Scope,
  { publicUrl }: Pick<TestGateway, 'publicUrl'>,
  ca: string,
): Promise<ClientHttp2Session> {
  const session = connect(publicUrl, { ca, servername: 'localhost' })
  session.on('error', () => session.destroy())
  t.teardown(() => session.destroy())
  await once(session, 'connect')
  return session
}

export type Http2Answer = {
  /** 0 where the stream was reset before an answer. */
  status: number
  headers: IncomingHttpHeaders
  body: string
  resetCode: number
}

/** One request and its answer, or how its stream ended without one. */
export function requestHttp2(
  session: ClientHttp2Session,
  headers: OutgoingHttpHeaders,
  body?: Buffer | string,
  { endStream = true } = {},
): Promise<Http2Answer> {
  const { promise, resolve } = Promise.withResolvers<Http2Answer>()
  const answer: Http2Answer = { status: 0, headers: {}, body: '', resetCode: 0 }
  const stream = session.request(headers, { endStream: body === undefined && endStream })
  stream.on('response', (received) => {
    answer.status = Number(received[':status'])
    answer.headers = received
  })
  stream.setEncoding('utf8').on('data', (text) => {
    answer.body += text
  })
  stream.on('error', () => undefined)
  stream.on('close', () => resolve({ ...answer, resetCode: stream.rstCode ?? 0 }))
  if (body !== undefined) endStream ? stream.end(body) : stream.write(body)
  return promise
}

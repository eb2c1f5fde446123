import type { IncomingMessage, RequestListener, ServerOptions } from 'node:http'
import { createServer, type Server } from 'node:https'
import type { TLSSocket } from 'node:tls'
import type { TlsMaterial } from '../config.ts'
import type { Http2 } from './http2.ts'

export type TlsServer = {
  server: Server
  /** By Node's own server. */
  serveHttp1(socket: TLSSocket): void
  setCertificate(material: TlsMaterial): void
}

export type TlsServerParts = {
  material: TlsMaterial
  options: ServerOptions<typeof IncomingMessage>
  listener: RequestListener
  http2: Http2
  /** A connection that speaks HTTP/1.1. */
  onHttp1(socket: TLSSocket): void
}

/** Forward secrecy and authenticated encryption alone; TLS 1.3 has nothing else. */
const CIPHERS = [
  'TLS_AES_128_GCM_SHA256',
  'TLS_AES_256_GCM_SHA384',
  'TLS_CHACHA20_POLY1305_SHA256',
  'ECDHE-ECDSA-AES128-GCM-SHA256',
  'ECDHE-RSA-AES128-GCM-SHA256',
  'ECDHE-ECDSA-AES256-GCM-SHA384',
  'ECDHE-RSA-AES256-GCM-SHA384',
  'ECDHE-ECDSA-CHACHA20-POLY1305',
  'ECDHE-RSA-CHACHA20-POLY1305',
].join(':')
const HANDSHAKE_TIMEOUT_MS = 10_000

/** HTTP/1.1 as without TLS; connections that chose `h2` go to a server of their own. */
export function createTlsServer(parts: TlsServerParts): TlsServer {
  const { material, options, listener, http2, onHttp1 } = parts
  const secure = { minVersion: 'TLSv1.2', ciphers: CIPHERS, honorCipherOrder: true } as const
  const server = createServer(
    {
      ...options,
      ...secure,
      cert: material.cert,
      key: material.key,
      ALPNProtocols: ['h2', 'http/1.1'],
      handshakeTimeout: HANDSHAKE_TIMEOUT_MS,
    },
    listener,
  )
  // Node's own listener takes every connection for HTTP/1.1.
  const serveHttp1 = server.listeners('secureConnection')
  server.removeAllListeners('secureConnection')
  server.on('secureConnection', (socket: TLSSocket) => {
    if (socket.alpnProtocol === 'h2') http2.serve(socket)
    else onHttp1(socket)
  })
  // Not a request that went wrong: there is nobody to be answered in words.
  server.removeAllListeners('tlsClientError')
  server.on('tlsClientError', (_error, socket) => socket.destroy())

  return {
    server,
    serveHttp1(socket) {
      for (const serve of serveHttp1) serve.call(server, socket)
    },
    setCertificate({ cert, key }) {
      server.setSecureContext({ ...secure, cert, key })
    },
  }
}

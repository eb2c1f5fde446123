import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { buffer } from 'node:stream/consumers'
import type { Scope } from './child-process.ts'

export type S3StandIn = {
  url: string
  objects: Map<string, Buffer>
  /** Uploads in parts that were neither completed nor aborted. */
  openUploads(): number
}

/** As much of S3's HTTP as an upload, a download and a deletion use. Signatures are not looked at. */
export async function startS3StandIn(t: Scope): Promise<S3StandIn> {
  const objects = new Map<string, Buffer>()
  const uploads = new Map<string, Map<number, Buffer>>()
  let lastUpload = 0

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', 'http://s3')
    const key = url.pathname
    const uploadId = url.searchParams.get('uploadId')
    const xml = (text: string, status = 200) =>
      response.writeHead(status, { 'content-type': 'application/xml' }).end(`<?xml version="1.0"?>${text}`)
    const body = await buffer(request)
    if (request.method === 'POST' && url.searchParams.has('uploads')) {
      const id = `upload-${++lastUpload}`
      uploads.set(id, new Map())
      xml(`<InitiateMultipartUploadResult><UploadId>${id}</UploadId></InitiateMultipartUploadResult>`)
    } else if (request.method === 'PUT' && uploadId !== null) {
      uploads.get(uploadId)?.set(Number(url.searchParams.get('partNumber')), body)
      response.writeHead(200, { etag: '"part"' }).end()
    } else if (request.method === 'POST' && uploadId !== null) {
      const parts = [...(uploads.get(uploadId) ?? [])].sort(([a], [b]) => a - b)
      objects.set(key, Buffer.concat(parts.map(([, part]) => part)))
      uploads.delete(uploadId)
      xml('<CompleteMultipartUploadResult><ETag>"whole"</ETag></CompleteMultipartUploadResult>')
    } else if (request.method === 'DELETE') {
      if (uploadId === null) objects.delete(key)
      else uploads.delete(uploadId)
      response.writeHead(204).end()
    } else if (request.method === 'PUT') {
      objects.set(key, body)
      response.writeHead(200, { etag: '"whole"' }).end()
    } else {
      const object = objects.get(key)
      if (object === undefined) return void xml('<Error><Code>NoSuchKey</Code></Error>', 404)
      const [, start, end] = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? '') ?? []
      const part = start === undefined ? object : object.subarray(Number(start), Number(end) + 1)
      response.writeHead(start === undefined ? 200 : 206, { 'content-length': part.length }).end(part)
    }
  }

  const server = createServer((request, response) => {
    answer(request, response).catch(() => response.destroy())
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  const { port } = server.address() as AddressInfo
  return { url: `http://127.0.0.1:${port}`, objects, openUploads: () => uploads.size }
}

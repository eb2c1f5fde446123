export type FormPart = { name: string; content: string | Buffer; filename?: string; type?: string }

const BOUNDARY = 'x-test-boundary'

/** A multipart body of these parts, byte for byte. */
export function formOf(parts: readonly FormPart[]): { body: Buffer; contentType: string } {
  const chunks = parts.flatMap(({ name, content, filename, type }) => [
    Buffer.from(
      `--${BOUNDARY}\r\nContent-Disposition: form-data; name="${name}"${
        filename === undefined ? '' : `; filename="${filename.replace(/["\r\n]/g, '_')}"`
      }\r\n${type === undefined ? '' : `Content-Type: ${type}\r\n`}\r\n`,
    ),
    Buffer.from(content),
    Buffer.from('\r\n'),
  ])
  return {
    body: Buffer.concat([...chunks, Buffer.from(`--${BOUNDARY}--\r\n`)]),
    contentType: `multipart/form-data; boundary=${BOUNDARY}`,
  }
}

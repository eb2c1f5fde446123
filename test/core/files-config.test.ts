import t from 'tap'
import { ConfigError, parseConfig } from '../../core/config.ts'

const NEEDED = {
  DATABASE_URL: 'pglite:/data',
  IDENTITY_KEYS: `a:${Buffer.alloc(32, 1).toString('base64url')}`,
  JWT_SECRET: 'x'.repeat(32),
}
const S3 = { FILES_S3_BUCKET: 'b', AWS_ACCESS_KEY_ID: 'id', AWS_SECRET_ACCESS_KEY: 'secret' }

t.test('files lie in S3, in a directory, beside an embedded database, or nowhere', async (t) => {
  const filesOf = (env: Record<string, string>) => parseConfig({ ...NEEDED, ...env }).files
  t.same(filesOf({}), { storage: { kind: 'disk', directory: '/data/files' }, maxBytes: 104_857_600 })
  t.same(filesOf({ FILES_DIR: '/files', FILE_MAX_BYTES: '10' }), {
    storage: { kind: 'disk', directory: '/files' },
    maxBytes: 10,
  })
  t.equal(filesOf({ DATABASE_URL: 'postgres://db/x' }).storage, undefined)
  t.equal(filesOf({ DATABASE_URL: 'pglite:memory' }).storage, undefined)
  t.match(filesOf({ ...S3, FILES_DIR: '/files', FILES_S3_ENDPOINT: 'http://minio:9000' }).storage, {
    kind: 's3',
    s3: { bucket: 'b', region: 'us-east-1', endpoint: 'http://minio:9000', accessKeyId: 'id' },
  })
})

t.test('what is missing or wrong is said by its name, without its value', async (t) => {
  for (const [env, problem] of [
    [{ FILES_S3_BUCKET: 'b' }, /^FILES_S3_BUCKET: needs AWS_ACCESS_KEY_ID/],
    [{ ...S3, FILES_S3_ENDPOINT: 'minio' }, /^FILES_S3_ENDPOINT: is not a URL/],
    [{ FILE_MAX_BYTES: '1 GB' }, /^FILE_MAX_BYTES: is not a number of bytes/],
  ] as const)
    try {
      parseConfig({ ...NEEDED, ...env })
      t.fail('it is refused')
    } catch (error) {
      t.ok(error instanceof ConfigError && error.problems.some((text) => problem.test(text)), String(error))
    }
})

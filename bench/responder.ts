import type { Scope } from '../test/support/child-process.ts'
import { startNginx } from './nginx-process.ts'

const BODY = JSON.stringify({ RC: 0, RM: 'OK', result: 'x'.repeat(1_024 - 34) })
const LARGE_BYTES = 1_048_576

/**
 * An upstream that costs next to nothing: nginx with a kilobyte of JSON for every request, and a file of 1 MB. As our
 * core does, it says for how long it keeps an idle connection.
 */
export async function startResponder(t: Scope, pinned: readonly string[]): Promise<string> {
  const nginx = await startNginx(
    { pinned },
    {
      http: () => 'sendfile on; open_file_cache max=10;',
      server: (directory) => `
    root ${directory};
    keepalive_timeout 600s 600s;
    location / { return 200 '${BODY}'; }
    location = /large.bin { }`,
      files: { 'large.bin': Buffer.alloc(LARGE_BYTES, 'x') },
    },
  )
  t.teardown(() => nginx.stop())
  return nginx.url
}

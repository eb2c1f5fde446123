import { mkdtemp, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Scope, startGuarded } from '../test/support/child-process.ts'
import { onFreePort } from '../test/support/free-port.ts'

const BODY = JSON.stringify({ RC: 0, RM: 'OK', result: 'x'.repeat(1_024 - 34) })

/** An upstream that costs next to nothing: nginx with one kilobyte of JSON for every request. */
export async function startResponder(
  t: Scope,
  pinned: readonly string[],
): Promise<{ url: string; pid: number }> {
  const started = await onFreePort(async (port) => {
    const directory = await mkdtemp(join(tmpdir(), 'imkit-responder-'))
    await writeFile(join(directory, 'nginx.conf'), configuration(port, directory))
    const nginx = ['nginx', '-p', directory, '-c', 'nginx.conf', '-e', 'stderr', '-g', 'daemon off;']
    const [command = '', ...args] = [...pinned, ...nginx]
    const server = await startGuarded(command, args, {
      env: { PATH: `${process.env.PATH}:/usr/sbin` },
      removeDirectory: directory,
    })
    await server.waitForLine((line) => (line.includes('start worker process') ? true : undefined))
    return { server, port }
  })
  t.teardown(() => started.server.stop())
  return { url: `http://127.0.0.1:${started.port}`, pid: started.server.pid }
}

const configuration = (port: number, directory: string): string => `
${process.getuid?.() === 0 ? 'user root;' : ''}
pid ${directory}/nginx.pid;
error_log stderr notice;
worker_processes 1;
events { worker_connections 4096; }
http {
  access_log off;
  default_type application/json;
  client_body_temp_path ${directory}/body;
  proxy_temp_path ${directory}/proxy;
  fastcgi_temp_path ${directory}/fastcgi;
  uwsgi_temp_path ${directory}/uwsgi;
  scgi_temp_path ${directory}/scgi;
  keepalive_requests 100000000;
  keepalive_timeout 600s;
  server {
    listen 127.0.0.1:${port};
    location / { return 200 '${BODY}'; }
  }
}
`

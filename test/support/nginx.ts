import { mkdtemp, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Scope, startGuarded } from './child-process.ts'
import { onFreePort } from './free-port.ts'

/** An nginx in front of a server, with Debian's defaults wherever they matter: `underscores_in_headers` is off. */
export async function startNginx(t: Scope, target: string): Promise<{ url: string; stop(): Promise<void> }> {
  const { port, server } = await onFreePort(async (port) => {
    const directory = await mkdtemp(join(tmpdir(), 'imkit-nginx-'))
    await writeFile(join(directory, 'nginx.conf'), configuration(port, target, directory))
    const server = await startGuarded(
      'nginx',
      ['-p', directory, '-c', 'nginx.conf', '-e', 'stderr', '-g', 'daemon off;'],
      { env: { PATH: `${process.env.PATH}:/usr/sbin` }, removeDirectory: directory },
    )
    await server.waitForLine((line) => (line.includes('start worker process') ? true : undefined))
    return { port, server }
  })
  t.teardown(() => server.stop())
  return { url: `http://127.0.0.1:${port}`, stop: () => server.stop() }
}

const configuration = (port: number, target: string, directory: string): string => `
${process.getuid?.() === 0 ? 'user root;' : ''}
pid ${directory}/nginx.pid;
error_log stderr notice;
worker_processes 1;
events {}
http {
  access_log off;
  client_body_temp_path ${directory}/body;
  proxy_temp_path ${directory}/proxy;
  fastcgi_temp_path ${directory}/fastcgi;
  uwsgi_temp_path ${directory}/uwsgi;
  scgi_temp_path ${directory}/scgi;
  map $http_upgrade $connection_upgrade { default upgrade; '' ''; }
  server {
    listen 127.0.0.1:${port};
    location / {
      proxy_pass ${target};
      proxy_http_version 1.1;
      proxy_set_header Host $host;
      proxy_set_header Upgrade $http_upgrade;
      proxy_set_header Connection $connection_upgrade;
    }
  }
}
`

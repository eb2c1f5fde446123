import { mkdtemp, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startGuarded } from '../test/support/child-process.ts'
import { onFreePort } from '../test/support/free-port.ts'
import type { Running, Setting } from './rival.ts'

export type NginxParts = {
  /** Of the `http` block, beside what every nginx here has. */
  http?: (directory: string) => string
  /** Of the `server` block. */
  server: (directory: string) => string
  /** Before everything else: `load_module`. */
  modules?: string
  /** Written beside the configuration. */
  files?: Readonly<Record<string, string | Buffer>>
  /** Processes beside it whose time counts with it. */
  beside?: readonly Running[]
}

/** An nginx on a free port, with a directory of its own under `root`. */
export async function startNginx(
  { pinned, tls, workers = 1 }: Pick<Setting, 'pinned' | 'tls' | 'workers'>,
  parts: NginxParts,
  root: string = tmpdir(),
): Promise<Running> {
  const { beside = [] } = parts
  const { port, server } = await onFreePort(async (port) => {
    const directory = await mkdtemp(join(root, 'imkit-nginx-'))
    const files = { ...parts.files, 'nginx.conf': configuration(port, directory, { ...parts, tls, workers }) }
    for (const [name, text] of Object.entries(files)) await writeFile(join(directory, name), text)
    const nginx = ['nginx', '-p', directory, '-c', 'nginx.conf', '-e', 'stderr', '-g', 'daemon off;']
    const [command = '', ...args] = [...pinned, ...nginx]
    const server = await startGuarded(command, args, {
      env: { PATH: `${process.env.PATH}:/usr/sbin` },
      removeDirectory: directory,
    })
    await server.waitForLine((line) => (line.includes('start worker process ') ? true : undefined))
    return { port, server }
  })
  return {
    url: `${tls === undefined ? 'http' : 'https'}://127.0.0.1:${port}`,
    pids: [server.pid, ...beside.flatMap(({ pids }) => pids)],
    async stop() {
      await server.stop()
      for (const running of beside) await running.stop()
    },
  }
}

/** Connections to an upstream are kept; without the two fields in every location that sets any, they are not. */
export const KEEPING_UPSTREAM = `
      proxy_http_version 1.1;
      proxy_set_header Connection "";`

export const upstreamBlock = (name: string, url: string): string =>
  `upstream ${name} { server ${new URL(url).host}; keepalive 512; keepalive_requests 100000000; }`

type Layout = NginxParts & { tls: Setting['tls'] | undefined; workers: number }

const configuration = (port: number, directory: string, parts: Layout): string => `
${parts.modules ?? ''}
${process.getuid?.() === 0 ? 'user root;' : ''}
pid ${directory}/nginx.pid;
error_log stderr notice;
worker_processes ${parts.workers};
${parts.workers > 1 ? 'worker_cpu_affinity auto;' : ''}
worker_rlimit_nofile 65536;
events { worker_connections 32768; }
http {
  access_log off;
  default_type application/json;
  client_body_temp_path ${directory}/body;
  proxy_temp_path ${directory}/proxy;
  fastcgi_temp_path ${directory}/fastcgi;
  uwsgi_temp_path ${directory}/uwsgi;
  scgi_temp_path ${directory}/scgi;
  client_max_body_size 16m;
  client_body_buffer_size 16k;
  keepalive_requests 100000000;
  keepalive_timeout 600s;
  ${parts.http?.(directory) ?? ''}
  server {
    listen 127.0.0.1:${port} backlog=8192${parts.workers > 1 ? ' reuseport' : ''}${parts.tls ? ' ssl' : ''};
    ${parts.tls ? `ssl_certificate ${parts.tls.certFile}; ssl_certificate_key ${parts.tls.keyFile};` : ''}
    ${parts.server(directory)}
  }
}
`

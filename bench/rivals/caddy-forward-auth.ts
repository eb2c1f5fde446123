import { mkdtemp, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startGuarded } from '../../test/support/child-process.ts'
import { onFreePort } from '../../test/support/free-port.ts'
import { startAuthService } from '../auth-service.ts'
import type { Rival, Setting } from '../rival.ts'

export const caddyForwardAuth: Rival = {
  name: 'caddy forward_auth',
  authenticates: true,
  abilities: ['requests'],
  packages: ['caddy'],
  async start(setting) {
    const service = await startAuthService(setting)
    const { server, port } = await onFreePort(async (port) => {
      const directory = await mkdtemp(join(tmpdir(), 'imkit-caddy-'))
      await writeFile(join(directory, 'Caddyfile'), configuration(port, service.url, setting))
      const caddy = ['caddy', 'run', '--adapter', 'caddyfile', '--config', join(directory, 'Caddyfile')]
      const [command = '', ...args] = [...setting.pinned, ...caddy]
      const server = await startGuarded(command, args, {
        env: { PATH: process.env.PATH, HOME: directory, GOMAXPROCS: '1' },
        removeDirectory: directory,
      })
      await server.waitForLine((line) => (line.includes('serving initial configuration') ? true : undefined))
      return { server, port }
    })
    return {
      url: `http://127.0.0.1:${port}`,
      pids: [server.pid, ...service.pids],
      async stop() {
        await server.stop()
        await service.stop()
      },
    }
  },
}

const configuration = (port: number, serviceUrl: string, { upstreamUrl }: Setting): string => `
{
  admin off
  auto_https off
}
http://:${port} {
  bind 127.0.0.1
  route {
    request_header -IM-Identity
    request_header -IM_Identity
    request_header -im.identity
    forward_auth ${new URL(serviceUrl).host} {
      uri /verify
      copy_headers IM-Identity
    }
    request_header -IM-Client-Key
    request_header -IM-Authorization
    request_header -Authorization
    reverse_proxy ${new URL(upstreamUrl).host} {
      transport http {
        keepalive_idle_conns_per_host 512
      }
    }
  }
}
`

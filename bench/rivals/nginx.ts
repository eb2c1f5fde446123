import { KEEPING_UPSTREAM, startNginx, upstreamBlock } from '../nginx-process.ts'
import type { Rival } from '../rival.ts'

/** No authentication: the floor for proxies that speak HTTP. */
export const nginx: Rival = {
  name: 'nginx',
  isNear: true,
  authenticates: false,
  abilities: ['requests', 'tunnels', 'idle', 'tls', 'workers'],
  packages: ['nginx'],
  start: (setting) =>
    startNginx(setting, {
      http: () => upstreamBlock('core', setting.upstreamUrl),
      server: () => `
    location / {
      proxy_pass http://core;${KEEPING_UPSTREAM}
    }
    location /socket.io/ {
      proxy_pass http://core;
      proxy_http_version 1.1;
      proxy_set_header Upgrade $http_upgrade;
      proxy_set_header Connection upgrade;
      proxy_read_timeout 600s;
    }`,
    }),
}

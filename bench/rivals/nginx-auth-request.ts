import { startAuthService } from '../auth-service.ts'
import { KEEPING_UPSTREAM, startNginx, upstreamBlock } from '../nginx-process.ts'
import type { Rival, Setting } from '../rival.ts'

const packages = ['nginx']

/** nginx asks a service for every request. */
export const nginxAuthRequest: Rival = {
  name: 'nginx auth_request',
  isNear: true,
  authenticates: true,
  abilities: ['requests'],
  packages,
  start: (setting) => start(setting, false),
}

/** nginx asks once, and keeps the answer in a cache that lives in memory. */
export const nginxAuthRequestCached: Rival = {
  name: 'nginx auth_request, cached',
  authenticates: true,
  abilities: ['requests'],
  packages,
  start: (setting) => start(setting, true),
}

async function start(setting: Setting, isCached: boolean) {
  const service = await startAuthService(setting)
  const cache = `
      proxy_cache identities;
      proxy_cache_key $http_im_client_key$http_im_authorization;
      proxy_cache_valid 200 20s;
      proxy_cache_valid 401 10s;`
  return startNginx(
    setting,
    {
      beside: [service],
      http: (directory) => `
  ${upstreamBlock('core', setting.upstreamUrl)}
  ${upstreamBlock('service', service.url)}
  proxy_cache_path ${directory}/cache keys_zone=identities:10m use_temp_path=off;
  open_file_cache max=10000 inactive=60s;
  open_file_cache_valid 60s;`,
      server: () => `
    location / {
      auth_request /verify;
      auth_request_set $identity $upstream_http_im_identity;
      proxy_pass http://core;${KEEPING_UPSTREAM}
      proxy_set_header IM-Identity $identity;
      proxy_set_header IM-Client-Key "";
      proxy_set_header IM-Authorization "";
      proxy_set_header Authorization "";
      proxy_set_header IM-API-KEY "";
      proxy_set_header IM-Client-ID "";
      proxy_set_header IM-Device-ID "";
      proxy_set_header X-Forwarded-For $remote_addr;
    }
    location = /verify {
      internal;${isCached ? cache : ''}
      proxy_pass http://service;${KEEPING_UPSTREAM}
      proxy_pass_request_body off;
      proxy_set_header Content-Length "";
      proxy_set_header Content-Type "";
    }`,
    },
    '/dev/shm',
  )
}

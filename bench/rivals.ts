import type { Rival } from './rival.ts'
import { bytePipe } from './rivals/byte-pipe.ts'
import { caddyForwardAuth } from './rivals/caddy-forward-auth.ts'
import { direct } from './rivals/direct.ts'
import { fastGateway } from './rivals/fast-gateway.ts'
import { bareFastifyHttpProxy, fastifyHttpProxy } from './rivals/fastify-http-proxy.ts'
import { gateway, gatewayByNode, smallGateway } from './rivals/gateway.ts'
import { haproxyLua } from './rivals/haproxy-lua.ts'
import { nginx } from './rivals/nginx.ts'
import { nginxAuthRequest, nginxAuthRequestCached } from './rivals/nginx-auth-request.ts'
import { nginxLua } from './rivals/nginx-lua.ts'

export const RIVALS: readonly Rival[] = [
  gateway,
  gatewayByNode,
  smallGateway,
  nginxLua,
  nginx,
  nginxAuthRequest,
  nginxAuthRequestCached,
  haproxyLua,
  caddyForwardAuth,
  fastifyHttpProxy,
  bareFastifyHttpProxy,
  fastGateway,
  bytePipe,
  direct,
]

/** What ratios are told against: the first of these that takes part. */
export const YARDSTICKS: readonly string[] = [nginxLua.name, nginx.name]

/** @param wanted names or parts of them, separated by `;`; a whole name means that rival alone */
export function chosenRivals(wanted: string | undefined): Rival[] {
  const parts = wanted?.split(';')
  return RIVALS.filter(
    ({ name }) =>
      parts?.some((part) =>
        RIVALS.some((rival) => rival.name === part) ? name === part : name.includes(part),
      ) ?? true,
  )
}

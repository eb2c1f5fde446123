import { once } from 'node:events'
import { mkdtemp, writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { startGuarded } from '../../test/support/child-process.ts'
import { onFreePort } from '../../test/support/free-port.ts'
import type { Rival, Setting } from '../rival.ts'

export const haproxyLua: Rival = {
  name: 'haproxy + Lua',
  authenticates: true,
  abilities: ['requests'],
  packages: ['haproxy'],
  async start(setting) {
    const { server, port } = await onFreePort(async (port) => {
      const directory = await mkdtemp(join(tmpdir(), 'imkit-haproxy-'))
      await writeFile(join(directory, 'gate.lua'), gate(setting))
      await writeFile(join(directory, 'haproxy.cfg'), configuration(port, directory, setting))
      const haproxy = ['haproxy', '-db', '-f', join(directory, 'haproxy.cfg')]
      const [command = '', ...args] = [...setting.pinned, ...haproxy]
      const server = await startGuarded(command, args, {
        env: { PATH: `${process.env.PATH}:/usr/sbin` },
        removeDirectory: directory,
      })
      await untilAccepting(port, server.ended)
      return { server, port }
    })
    return { url: `http://127.0.0.1:${port}`, pids: [server.pid], stop: () => server.stop() }
  },
}

/** It says nothing when it is ready. */
async function untilAccepting(port: number, ended: Promise<number>): Promise<void> {
  let hasEnded = false
  void ended.then(() => {
    hasEnded = true
  })
  for (;;) {
    const socket = connect({ host: '127.0.0.1', port })
    const isAccepted = await once(socket, 'connect').then(
      () => true,
      () => false,
    )
    socket.destroy()
    if (isAccepted) return
    if (hasEnded) throw new Error('haproxy did not start')
    await delay(25)
  }
}

const configuration = (port: number, directory: string, { upstreamUrl }: Setting): string => `
global
  nbthread 1
  maxconn 8000
  lua-load ${directory}/gate.lua
defaults
  mode http
  timeout connect 2s
  timeout client 60s
  timeout server 60s
  timeout http-keep-alive 60s
  http-reuse always
frontend public
  bind 127.0.0.1:${port}
  http-request lua.admit
  http-request return status 401 if ! { var(txn.identity) -m found }
  http-request del-header ^(im|x)[-_.](client|api|device|identity|authorization|credential|node|forwarded) -m reg
  http-request del-header authorization
  http-request set-header IM-Identity %[var(txn.identity)]
  http-request set-header X-Forwarded-For %[src]
  default_backend core
backend core
  server core ${new URL(upstreamUrl).host}
`

const gate = ({ redisUrl, keys, identityKeys }: Setting): string => {
  const [keyId = '', secret = ''] = identityKeys.split(':')
  const key = Buffer.from(secret, 'base64url').toString('base64')
  return `
local identities = {}

local function from_redis(id)
  local socket = core.tcp()
  socket:settimeout(1)
  if not socket:connect('127.0.0.1', ${new URL(redisUrl).port}) then return nil end
  local name = 'im:credential:client-token:' .. id
  socket:send('*2\\r\\n$3\\r\\nGET\\r\\n$' .. #name .. '\\r\\n' .. name .. '\\r\\n')
  local size = tonumber(socket:receive('*l'):match('^%$(-?%d+)'))
  local entry = size >= 0 and socket:receive(size) or ''
  socket:close()
  return entry:match('"userId":"([^"]*)"')
end

local function sign(c, userId, id)
  local now = math.floor(core.now().sec * 1000)
  local payload = string.format('{"aud":"im-core","iat":%d,"exp":%d,"kind":"client","app":"${keys.app}","sub":"%s","cid":"%s"}',
    now, now + 60000, userId, id)
  local text = 'v1.${keyId}.' .. c:ub64enc(payload)
  return text .. '.' .. c:ub64enc(c:hmac(text, 'sha256', '${key}'))
end

core.register_action('admit', { 'http-req' }, function(txn)
  local token = txn.f:req_hdr('im-authorization') or ''
  if token == '' then token = txn.f:req_hdr('authorization') or '' end
  if token == '' or txn.f:req_hdr('im-client-key') ~= '${keys.clientKey}' then return end
  if token:sub(1, 7) == 'Bearer ' then token = token:sub(8) end
  local known = identities[token]
  local now = core.now().sec
  if not known or known.untilS < now then
    local id = txn.c:ub64enc(txn.c:sha2('client-token\\0${keys.app}\\0' .. token, 256))
    local userId = from_redis(id)
    known = { signed = userId and sign(txn.c, userId, id), untilS = now + 20 }
    identities[token] = known
  end
  if known.signed then txn:set_var('txn.identity', known.signed) end
end)
`
}

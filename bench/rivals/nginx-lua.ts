import { KEEPING_UPSTREAM, startNginx, upstreamBlock } from '../nginx-process.ts'
import type { Rival, Setting } from '../rival.ts'

/** The yardstick: signed identities in a shared dictionary, made from the core's entries in Redis. */
export const nginxLua: Rival = {
  name: 'nginx + Lua',
  isNear: true,
  authenticates: true,
  abilities: ['requests', 'tls', 'workers'],
  packages: ['nginx', 'libnginx-mod-http-lua', 'lua-resty-core', 'lua-resty-lrucache'],
  start: (setting) =>
    startNginx(setting, {
      modules: `
load_module /usr/lib/nginx/modules/ndk_http_module.so;
load_module /usr/lib/nginx/modules/ngx_http_lua_module.so;`,
      http: (directory) => `
  ${upstreamBlock('core', setting.upstreamUrl)}
  lua_package_path "${directory}/?.lua;;";
  lua_shared_dict identities 64m;
  init_by_lua_block { gate = require 'gate' }`,
      server: () => `
    location / {
      set $identity '';
      access_by_lua_block { gate.admit() }
      proxy_pass http://core;${KEEPING_UPSTREAM}
      proxy_set_header IM-Identity $identity;
      proxy_set_header IM-Client-Key "";
      proxy_set_header IM-Authorization "";
      proxy_set_header Authorization "";
      proxy_set_header IM-API-KEY "";
      proxy_set_header IM-Client-ID "";
      proxy_set_header IM-Device-ID "";
      proxy_set_header X-Forwarded-For $remote_addr;
    }`,
      files: { 'gate.lua': gate(setting) },
    }),
}

// Signed with the library that nginx is linked with; what is cached is what is sent on.
const gate = ({ redisUrl, keys, identityKeys }: Setting): string => {
  const [keyId = '', secret = ''] = identityKeys.split(':')
  return `
local ffi = require 'ffi'
local semaphore = require 'ngx.semaphore'
ffi.cdef[[
unsigned char *SHA256(const char *d, size_t n, unsigned char *md);
const void *EVP_sha256(void);
unsigned char *HMAC(const void *md, const char *key, int keylen, const char *d, size_t n, unsigned char *out, unsigned int *len);
]]
local digest = ffi.new('unsigned char[32]')
local length = ffi.new('unsigned int[1]')
local KEY = ngx.decode_base64(('${secret}'):gsub('-', '+'):gsub('_', '/') .. ('='):rep(-#'${secret}' % 4))
local identities = ngx.shared.identities
-- Tokens that somebody looks up, and who waits for that.
local looking = {}

local function base64url(bytes)
  return (ngx.encode_base64(bytes, true):gsub('+', '-'):gsub('/', '_'))
end

local function sha256(text)
  ffi.C.SHA256(text, #text, digest)
  return base64url(ffi.string(digest, 32))
end

local function sign(userId, id)
  local now = math.floor(ngx.now() * 1000)
  local payload = string.format('{"aud":"im-core","iat":%d,"exp":%d,"kind":"client","app":"${keys.app}","sub":"%s","cid":"%s"}',
    now, now + 60000, userId, id)
  local text = 'v1.${keyId}.' .. base64url(payload)
  ffi.C.HMAC(ffi.C.EVP_sha256(), KEY, #KEY, text, #text, digest, length)
  return text .. '.' .. base64url(ffi.string(digest, 32))
end

local function from_redis(id)
  local socket = ngx.socket.tcp()
  socket:settimeout(1000)
  assert(socket:connect('127.0.0.1', ${new URL(redisUrl).port}))
  local name = 'im:credential:client-token:' .. id
  assert(socket:send('*2\\r\\n$3\\r\\nGET\\r\\n$' .. #name .. '\\r\\n' .. name .. '\\r\\n'))
  local size = tonumber(assert(socket:receive('*l')):match('^%$(-?%d+)'))
  local entry = size >= 0 and assert(socket:receive(size + 2)) or ''
  socket:setkeepalive(60000, 64)
  return entry:match('"userId":"([^"]*)"')
end

local function look_up(token)
  local id = sha256('client-token\\0${keys.app}\\0' .. token)
  local userId = from_redis(id)
  return userId and sign(userId, id) or false
end

local function identify(token)
  local signed = identities:get(token)
  if signed ~= nil then return signed end
  local others = looking[token]
  if others then
    others:wait(2)
    return identities:get(token)
  end
  others = semaphore.new()
  looking[token] = others
  local found, signed = pcall(look_up, token)
  if found then identities:set(token, signed, 20) end
  looking[token] = nil
  local waiting = -others:count()
  if waiting > 0 then others:post(waiting) end
  return assert(found, signed) and signed
end

local gate = {}
function gate.admit()
  local var = ngx.var
  local token = var.http_im_authorization or var.http_authorization
  if var.http_im_client_key ~= '${keys.clientKey}' or not token then return ngx.exit(401) end
  if token:sub(1, 7) == 'Bearer ' then token = token:sub(8) end
  local signed = identify(token)
  if not signed then return ngx.exit(401) end
  var.identity = signed
end
return gate
`
}

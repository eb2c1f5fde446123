import { pace, saturate, useSockets } from './load.ts'
import { herding, idling } from './one-by-one.ts'
import { exchanges, requestsTo, type Shape, socketOrder, TOKENS } from './requests.ts'
import type { Interleaved, Scenario, Target } from './scenario.ts'

const COLD_TOKENS = 20_000
const HERD = 5_000
const TUNNELS = 100
const KILOBYTE = JSON.stringify({ messageType: 'text', message: 'x'.repeat(1_024 - 40) })
const MEGABYTE = 'x'.repeat(1_048_576)

const saturating =
  (connections: number, shape: Shape = {}, isRefused = false): Interleaved['start'] =>
  (target) => {
    const { url, words } = target
    return saturate({ url, connections, requests: requestsTo(target, shape), isRefused }, words)
  }

const paced =
  (rate: number): Interleaved['start'] =>
  (target) =>
    pace({ url: target.url, connections: 64, requests: requestsTo(target), rate }, target.words)

async function cold(target: Target) {
  const tokens = await target.credentials.coldTokens(COLD_TOKENS)
  const [requests, leadRequests] = [requestsTo(target, { tokens }), requestsTo(target)]
  return saturate({ url: target.url, connections: 64, requests, leadRequests }, target.words)
}

const refusedTokens = ({ credentials }: Target): readonly string[] =>
  credentials.tokens(TOKENS).map((token) => `wrong-${token}`)

const post = { method: 'POST', path: '/rooms/x/message', body: KILOBYTE } as const

export const scenariosOf = (tunnels: number): readonly Scenario[] => [
  {
    name: 'get-64',
    title: 'GET 1 KB, 64 connections',
    ability: 'requests',
    isForAll: true,
    start: saturating(64),
  },
  {
    name: 'authentication',
    title: 'GET 1 KB, 64 connections, where credentials are looked at and where they are not',
    ability: 'open',
    start: saturating(64),
    beside: { name: 'not authenticated', start: saturating(64, { path: '/stickers' }) },
  },
  {
    name: 'post-64',
    title: 'POST 1 KB, 64 connections',
    ability: 'requests',
    isForAll: true,
    start: saturating(64, post),
  },
  {
    name: 'paced',
    title: 'GET 1 KB at 2 000/s, open loop',
    ability: 'requests',
    isForAll: true,
    start: paced(2_000),
    longerTurns: 4,
    loadWarmupMs: 3_000,
  },
  {
    name: 'upload',
    title: 'POST 1 MB, 16 connections',
    ability: 'requests',
    start: (target) =>
      saturating(16, { ...post, body: MEGABYTE, tokens: target.credentials.tokens(4) })(target),
  },
  {
    name: 'download',
    title: 'GET 1 MB, 16 connections',
    ability: 'requests',
    start: saturating(16, { path: '/large.bin' }),
  },
  {
    name: 'echo',
    title: `Messages of 200 bytes and back, ${TUNNELS} sockets`,
    ability: 'tunnels',
    isForAll: true,
    start: (target) => useSockets(socketOrder(target, 'echo', TUNNELS), target.words),
  },
  {
    name: 'fan-out',
    title: `One message to all of ${TUNNELS * 5} sockets`,
    ability: 'tunnels',
    isForAll: true,
    start: (target) =>
      useSockets(socketOrder(target, 'fan-out', TUNNELS * 5, ['42["fan-out"]']), target.words),
  },
  {
    name: 'exchange',
    title: 'auth events inside sockets, credentials cached',
    ability: 'exchange',
    start: (target) =>
      useSockets(socketOrder(target, 'echo', TUNNELS, exchanges(target, TUNNELS)), target.words),
  },
  {
    name: 'get-256',
    title: 'GET 1 KB, 256 connections',
    ability: 'requests',
    hasFewerRounds: true,
    start: saturating(256),
  },
  {
    name: 'post-256',
    title: 'POST 1 KB, 256 connections',
    ability: 'requests',
    hasFewerRounds: true,
    start: saturating(256, post),
  },
  {
    name: 'new-connection',
    title: 'GET 1 KB, a new connection for each',
    ability: 'requests',
    hasFewerRounds: true,
    start: saturating(64, { headers: { Connection: 'close' } }),
  },
  {
    name: 'tls',
    title: 'GET 1 KB by TLS, 64 connections',
    ability: 'tls',
    hasFewerRounds: true,
    start: saturating(64),
  },
  {
    name: 'workers',
    title: 'GET 1 KB, 64 connections, two workers on both processors beside the load',
    ability: 'workers',
    hasFewerRounds: true,
    start: saturating(64),
  },
  {
    name: 'negative',
    title: 'GET with tokens known to be bad, 64 connections',
    ability: 'requests',
    onlyAuthenticating: true,
    hasFewerRounds: true,
    start: (target) => saturating(64, { tokens: refusedTokens(target) }, true)(target),
  },
  {
    name: 'cold',
    title: 'GET with tokens never seen before, 64 connections',
    ability: 'requests',
    onlyAuthenticating: true,
    hasFewerRounds: true,
    start: cold,
    countsStoreReads: true,
  },
  {
    name: 'herd',
    title: `${HERD} requests at once with one token never seen before`,
    ability: 'requests',
    onlyAuthenticating: true,
    hasFewerRounds: true,
    run: herding(HERD),
  },
  {
    name: 'idle',
    title: `${tunnels} idle sockets`,
    ability: 'idle',
    isForAll: true,
    isFresh: true,
    hasFewerRounds: true,
    run: idling(tunnels),
  },
]

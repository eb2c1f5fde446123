import { startNode } from '../node-process.ts'
import type { Rival } from '../rival.ts'

export const fastifyHttpProxy: Rival = {
  name: '@fastify/http-proxy',
  isNear: true,
  authenticates: true,
  abilities: ['requests'],
  start: (setting) => startNode('fastify-http-proxy.ts', setting),
}

export const bareFastifyHttpProxy: Rival = {
  name: '@fastify/http-proxy, bare',
  authenticates: false,
  abilities: ['requests'],
  start: (setting) => startNode('fastify-http-proxy.ts', setting, { BARE: 'yes' }),
}

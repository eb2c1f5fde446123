import { startNode } from './node-process.ts'
import type { Running, Setting } from './rival.ts'

/** A Fastify service with an LRU, that proxies ask whether a request may pass and as whom. */
export const startAuthService = (setting: Setting): Promise<Running> => startNode('auth-service.ts', setting)

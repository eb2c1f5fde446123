import type { FastifyInstance } from 'fastify'

/** Why the core cannot start, in one line for an operator. */
export class StartError extends Error {
  constructor(message: string, options?: { cause?: unknown }) {
    super(message, options)
    this.name = 'StartError'
  }
}

const REASONS = new Map([
  ['EADDRINUSE', 'is in use'],
  ['EACCES', 'may not be opened by this user'],
  ['EADDRNOTAVAIL', 'is no address of this machine'],
  ['ENOTFOUND', 'is no address of this machine'],
])

/**
 * Connections that wait to be accepted, as far as the system allows. Node's 511 are too few when all sockets of a core
 * that has ended come at once: those beyond are dropped without a word, and try again after seconds.
 */
const BACKLOG = 4_096

/** @returns the bound URL. @throws StartError */
export async function listen(server: FastifyInstance, host: string, port: number): Promise<string> {
  try {
    return await server.listen({ host, port, backlog: BACKLOG })
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : ''
    const reason = REASONS.get(code)
    if (reason === undefined) throw error
    throw new StartError(`${host}:${port} ${reason}`, { cause: error })
  }
}

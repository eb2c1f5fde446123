import { hash, timingSafeEqual } from 'node:crypto'
import { isIP } from 'node:net'
import type { FastifyRequest } from 'fastify'
import { CoreError } from '../errors.ts'

/** Who may use the operators' API: who knows the token; where there is none, this machine alone. */
export type OperatorAccess = (request: FastifyRequest) => void

/**
 * @returns a check that throws CoreError UNAUTHORIZED or PERMISSION_DENIED. A page in an operator's browser is on this
 * machine too: it is known by its Origin, or, where it had its own name resolve to us, by the Host.
 */
export function createOperatorAccess(token: string | undefined): OperatorAccess {
  const expected = token === undefined ? undefined : digestOf(`Bearer ${token}`)
  return ({ headers, ip, host }) => {
    if (headers.origin !== undefined) throw new CoreError('PERMISSION_DENIED')
    if (expected === undefined) {
      if (!isLoopback(ip) || !isPlainHost(host)) throw new CoreError('PERMISSION_DENIED')
    } else if (!timingSafeEqual(expected, digestOf(headers.authorization ?? '')))
      throw new CoreError('UNAUTHORIZED')
  }
}

const digestOf = (text: string): Buffer => hash('sha256', text, 'buffer')

const isLoopback = (address: string): boolean => /^(::ffff:)?127\.|^::1$/.test(address)

/** Only an address, or the one name that no foreign server can have. */
function isPlainHost(host: string): boolean {
  const name = host.replace(/:\d+$/, '').replace(/^\[|\]$/g, '')
  return name === 'localhost' || isIP(name) !== 0
}

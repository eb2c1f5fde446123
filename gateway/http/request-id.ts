import { randomBytes } from 'node:crypto'

const ACCEPTABLE = /^[A-Za-z0-9_-]{8,64}$/

/** Names a request in the logs of gateway and core: a random prefix for the process and a count. */
export type RequestIds = {
  /** @param believed whether `sent` came from a trusted proxy */
  next(sent: string | undefined, believed: boolean): string
}

export function createRequestIds(): RequestIds {
  const prefix = randomBytes(6).toString('base64url')
  let count = 0
  return {
    next(sent, believed) {
      if (believed && sent !== undefined && ACCEPTABLE.test(sent)) return sent
      count += 1
      return `${prefix}-${count.toString(36)}`
    },
  }
}

/** A client that leaves a socket abruptly, at each stage of its life and in each way. */
import { openRaw, type RawConnection, requestText } from '../support/raw-http.ts'
import { frameBytes, openRawWebSocket } from '../support/raw-websocket.ts'

export const STAGES = [
  'connected',
  'half asked',
  'asked',
  'upgraded',
  'greeted',
  'joined',
  'authenticating',
  'authenticated',
  'half a frame',
] as const
export const WAYS = ['end', 'destroy', 'reset'] as const

export type Stage = (typeof STAGES)[number]
export type Way = (typeof WAYS)[number]

export type Place = { url: string; clientKey: string; token: string }

const HEAD = requestText('GET /socket.io/?EIO=4&transport=websocket HTTP/1.1', [
  'Connection: Upgrade',
  'Upgrade: websocket',
  'Sec-WebSocket-Version: 13',
  'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
])
/** Whoever leaves is the one who ends. */
const SCOPE = { teardown() {} }

/** @throws where the other side ended first. */
export async function leaveAt(stage: Stage, way: Way, place: Place): Promise<void> {
  const connection = await arriveAt(stage, place)
  connection[way]()
  if (way === 'end') {
    await connection.closed
    connection.destroy()
  }
}

async function arriveAt(stage: Stage, { url, clientKey, token }: Place): Promise<RawConnection> {
  if (stage === 'connected' || stage === 'half asked' || stage === 'asked') {
    const connection = await openRaw(url)
    if (stage === 'half asked') connection.write(HEAD.slice(0, HEAD.length / 2))
    if (stage === 'asked') connection.write(HEAD)
    return connection
  }
  const { connection, text, sendText } = await openRawWebSocket(SCOPE, url)
  try {
    if (stage === 'upgraded') return connection
    await text()
    if (stage === 'greeted') return connection
    sendText('40')
    await text()
    if (stage === 'joined') return connection
    const given = { CLIENT_KEY: clientKey, Authorization: token }
    sendText(`420${JSON.stringify(['auth2', token, given])}`)
    if (stage === 'authenticating') return connection
    await text()
    if (stage === 'half a frame') connection.write(frameBytes('42["typing"]').subarray(0, 7))
    return connection
  } catch (error) {
    connection.destroy()
    throw error
  }
}

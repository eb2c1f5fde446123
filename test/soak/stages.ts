/** A client that leaves a socket abruptly, over either transport, at each stage of its life and in each way. */
import { asObject, type JsonValue } from '../support/api-client.ts'
import { openRaw, type RawConnection, requestText } from '../support/raw-http.ts'
import { frameBytes, openRawWebSocket } from '../support/raw-websocket.ts'

const ASKING_STAGES = ['connected', 'half asked', 'asked'] as const
const TUNNEL_STAGES = [
  'upgraded',
  'greeted',
  'joined',
  'authenticating',
  'authenticated',
  'half a frame',
] as const
const POLLING_STAGES = ['poll opened', 'poll authenticated', 'poll waiting', 'half a post', 'probed'] as const
export const STAGES = [...ASKING_STAGES, ...TUNNEL_STAGES, ...POLLING_STAGES] as const
export const WAYS = ['end', 'destroy', 'reset'] as const

type AskingStage = (typeof ASKING_STAGES)[number]
type TunnelStage = (typeof TUNNEL_STAGES)[number]
type PollingStage = (typeof POLLING_STAGES)[number]
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

export function arriveAt(stage: Stage, place: Place): Promise<RawConnection> {
  if (isOneOf(ASKING_STAGES, stage)) return ask(stage, place)
  return isOneOf(TUNNEL_STAGES, stage) ? openTunnel(stage, place) : openPoll(stage, place)
}

const isOneOf = <S extends Stage>(stages: readonly S[], stage: Stage): stage is S =>
  stages.some((one) => one === stage)

/** Where there is a tunnel; it ends with the core's side of it. */
export const isTunnel = (stage: Stage): boolean => isOneOf(TUNNEL_STAGES, stage) || stage === 'probed'

const authentication = ({ clientKey, token }: Place): string =>
  `420${JSON.stringify(['auth2', token, { CLIENT_KEY: clientKey, Authorization: token }])}`

async function ask(stage: AskingStage, { url }: Place): Promise<RawConnection> {
  const connection = await openRaw(url)
  if (stage === 'half asked') connection.write(HEAD.slice(0, HEAD.length / 2))
  if (stage === 'asked') connection.write(HEAD)
  return connection
}

async function openTunnel(stage: TunnelStage, place: Place): Promise<RawConnection> {
  const { connection, text, sendText } = await openRawWebSocket(SCOPE, place.url)
  try {
    if (stage === 'upgraded') return connection
    await text()
    if (stage === 'greeted') return connection
    sendText('40')
    await text()
    if (stage === 'joined') return connection
    sendText(authentication(place))
    if (stage === 'authenticating') return connection
    await text()
    if (stage === 'half a frame') connection.write(frameBytes('42["typing"]').subarray(0, 7))
    return connection
  } catch (error) {
    connection.destroy()
    throw error
  }
}

async function openPoll(stage: PollingStage, place: Place): Promise<RawConnection> {
  const connection = await openRaw(place.url)
  const path = (transport: string, sid: string) => `/socket.io/?EIO=4&transport=${transport}${sid}`
  const get = (sid = '') => requestText(`GET ${path('polling', sid)} HTTP/1.1`)
  const post = (sid: string, body: string) =>
    requestText(`POST ${path('polling', sid)} HTTP/1.1`, [`Content-Length: ${body.length}`], body)
  const answer = async (request: string) => {
    connection.write(request)
    return (await connection.response()).text()
  }
  try {
    const opening = asObject(JSON.parse((await answer(get())).slice(1)) as JsonValue)
    const sid = `&sid=${opening.sid}`
    if (stage === 'poll opened') return connection
    await answer(post(sid, '40'))
    await answer(get(sid))
    await answer(post(sid, authentication(place)))
    await answer(get(sid))
    if (stage === 'poll waiting') connection.write(get(sid))
    if (stage === 'half a post') connection.write(post(sid, '42["typing"]').slice(0, -5))
    if (stage !== 'probed') return connection
    const tunnel = await openRawWebSocket(SCOPE, place.url, [], path('websocket', sid))
    connection.destroy()
    tunnel.sendText('2probe')
    return tunnel.connection
  } catch (error) {
    connection.destroy()
    throw error
  }
}

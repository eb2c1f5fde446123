/** Apple's push service: HTTP/2, with a provider token (ES256). */
import { type ClientHttp2Session, connect, constants } from 'node:http2'
import { importPKCS8, SignJWT } from 'jose'
import type { PushNote, SubscriptionType } from '../store/push.ts'
import type { PushOutcome, PushProvider } from './push-provider.ts'

export type ApnsAccount = { key: string; keyId: string; teamId: string; topic: string }

type Parts = { account: ApnsAccount; url: string; clock: () => number; timeoutMs?: number }

const TIMEOUT_MS = 10_000
/** Apple refuses tokens older than an hour, and new ones more often than every twenty minutes. */
const TOKEN_LIFETIME_MS = 2_700_000
const MAX_ANSWER_BYTES = 4_096

export function createApns({ account, url, clock, timeoutMs = TIMEOUT_MS }: Parts): PushProvider {
  let session: ClientHttp2Session | undefined
  let token: { text: Promise<string>; madeAtMs: number } | undefined

  function providerToken(): Promise<string> {
    if (token === undefined || clock() - token.madeAtMs > TOKEN_LIFETIME_MS) {
      const madeAtMs = clock()
      token = { text: sign(Math.floor(madeAtMs / 1_000)), madeAtMs }
    }
    return token.text
  }

  const sign = async (issuedAt: number) =>
    new SignJWT()
      .setProtectedHeader({ alg: 'ES256', kid: account.keyId })
      .setIssuer(account.teamId)
      .setIssuedAt(issuedAt)
      .sign(await importPKCS8(account.key, 'ES256'))

  function openSession(): ClientHttp2Session {
    if (session !== undefined && !session.closed && !session.destroyed) return session
    const opened = connect(url)
    // Requests on it fail by themselves; the next one opens another.
    opened.on('error', () => opened.destroy())
    opened.on('goaway', () => opened.close())
    opened.unref()
    session = opened
    return opened
  }

  async function post(path: string, headers: Record<string, string>, body: string, signal: AbortSignal) {
    const { promise, resolve, reject } = Promise.withResolvers<{ status: number; text: string }>()
    const stream = openSession().request({
      ...headers,
      [constants.HTTP2_HEADER_METHOD]: 'POST',
      [constants.HTTP2_HEADER_PATH]: path,
    })
    const limit = AbortSignal.any([AbortSignal.timeout(timeoutMs), signal])
    const abort = () => stream.destroy(new Error('APNs did not answer in time'))
    limit.addEventListener('abort', abort)
    let status = 0
    let text = ''
    stream.setEncoding('utf8')
    stream.on('response', (fields) => {
      status = Number(fields[constants.HTTP2_HEADER_STATUS])
    })
    stream.on('data', (chunk: string) => {
      text += chunk
      if (text.length > MAX_ANSWER_BYTES) stream.destroy(new Error('APNs answers too much'))
    })
    stream.on('error', reject)
    stream.on('close', () => {
      limit.removeEventListener('abort', abort)
      if (status === 0) reject(new Error('APNs closed the stream'))
      else resolve({ status, text })
    })
    stream.end(body)
    return promise
  }

  return {
    types: ['ios', 'ios-voip'],
    async send(target, note, signal) {
      const headers = {
        authorization: `bearer ${await providerToken()}`,
        ...apnsHeaders(target.type, note, account.topic),
      }
      const path = `/3/device/${encodeURIComponent(target.token)}`
      const { status, text } = await post(path, headers, JSON.stringify(apnsBody(note)), signal)
      return outcomeOf(status, text)
    },
    close() {
      session?.destroy()
    },
  }
}

const GONE = /"(BadDeviceToken|Unregistered|DeviceTokenNotForTopic|ExpiredToken)"/

function outcomeOf(status: number, text: string): PushOutcome {
  if (status === 200) return 'sent'
  if (status === 410 || (status === 400 && GONE.test(text))) return 'gone'
  if (status === 429 || status === 403 || status >= 500) throw new Error(`APNs answered ${status}`)
  return 'refused'
}

function apnsHeaders(type: SubscriptionType, note: PushNote, topic: string): Record<string, string> {
  const isCall = type === 'ios-voip'
  const headers: Record<string, string> = {
    'apns-topic': note.topic ?? (isCall ? `${topic}.voip` : topic),
    'apns-push-type': isCall ? 'voip' : 'alert',
    'apns-priority': '10',
  }
  if (note.expiry !== undefined) headers['apns-expiration'] = String(note.expiry)
  if (note.collapseKey !== undefined) headers['apns-collapse-id'] = note.collapseKey.slice(0, 64)
  return headers
}

function apnsBody(note: PushNote): object {
  const { title, body, loc } = note
  const alert =
    loc === undefined
      ? title === undefined
        ? body
        : { title, body }
      : { title, 'loc-key': loc.key, 'loc-args': loc.args }
  return { ...note.fields, aps: { alert, badge: note.badge, sound: note.sound, 'mutable-content': 1 } }
}

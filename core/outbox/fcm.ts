/** Firebase Cloud Messaging, HTTP v1, with a service account's OAuth tokens. */
import { importPKCS8, SignJWT } from 'jose'
import type { PushNote } from '../store/push.ts'
import type { Outbound } from './outbound.ts'
import type { PushProvider } from './push-provider.ts'

export type FcmAccount = { projectId: string; clientEmail: string; privateKey: string; tokenUrl: string }

type Parts = { account: FcmAccount; url: string; outbound: Outbound; clock: () => number; timeoutMs?: number }
type AccessToken = { text: Promise<string>; untilMs: number }

const SCOPE = 'https://www.googleapis.com/auth/firebase.messaging'
const TIMEOUT_MS = 10_000
/** A token is not used in its last minute. */
const MARGIN_MS = 60_000

export function createFcm({ account, url, outbound, clock, timeoutMs = TIMEOUT_MS }: Parts): PushProvider {
  const endpoint = new URL(`/v1/projects/${encodeURIComponent(account.projectId)}/messages:send`, url)
  let token: AccessToken | undefined

  /** Asked for once, however many wait for it. */
  function accessToken(): Promise<string> {
    if (token !== undefined && token.untilMs > clock()) return token.text
    const asked: AccessToken = { text: Promise.resolve(''), untilMs: Number.POSITIVE_INFINITY }
    asked.text = requestToken().then(
      ({ text, livesMs }) => {
        asked.untilMs = clock() + livesMs - MARGIN_MS
        return text
      },
      (error: unknown) => {
        if (token === asked) token = undefined
        throw error
      },
    )
    token = asked
    return asked.text
  }

  async function requestToken(): Promise<{ text: string; livesMs: number }> {
    const nowS = Math.floor(clock() / 1_000)
    const assertion = await new SignJWT({ scope: SCOPE })
      .setProtectedHeader({ alg: 'RS256', typ: 'JWT' })
      .setIssuer(account.clientEmail)
      .setAudience(account.tokenUrl)
      .setIssuedAt(nowS)
      .setExpirationTime(nowS + 3_600)
      .sign(await importPKCS8(account.privateKey, 'RS256'))
    const grant = { grant_type: 'urn:ietf:params:oauth:grant-type:jwt-bearer', assertion }
    const { status, text } = await outbound.call(new URL(account.tokenUrl), {
      method: 'POST',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body: new URLSearchParams(grant).toString(),
      trusted: true,
      timeoutMs,
    })
    if (status !== 200) throw new Error(`the OAuth service of FCM answered ${status}`)
    const answer = JSON.parse(text) as { access_token?: unknown; expires_in?: unknown }
    if (typeof answer.access_token !== 'string') throw new Error('the OAuth service of FCM gave no token')
    const livesMs = typeof answer.expires_in === 'number' ? answer.expires_in * 1_000 : 3_600_000
    return { text: answer.access_token, livesMs }
  }

  return {
    types: ['fcm', 'android', 'web'],
    async send(target, note, signal) {
      const message = {
        token: target.token,
        data: fcmFields(note),
        android: { priority: 'high', ...(note.collapseKey && { collapse_key: note.collapseKey }) },
      }
      const { status, text } = await outbound.call(endpoint, {
        method: 'POST',
        headers: { 'content-type': 'application/json', authorization: `Bearer ${await accessToken()}` },
        body: JSON.stringify({ message }),
        trusted: true,
        timeoutMs,
        signal,
      })
      if (status === 200) return 'sent'
      if (status === 404 || text.includes('"UNREGISTERED"')) return 'gone'
      if (status === 401) token = undefined
      if (status === 400) return 'refused'
      throw new Error(`FCM answered ${status}`)
    },
    close() {},
  }
}

/** The app shows it itself, in its own words: everything is a text among the data (contract: rest §2.8). */
export function fcmFields(note: PushNote): Record<string, string> {
  const fields: Record<string, string> = { ...note.fields }
  if (note.title !== undefined) fields.title = note.title
  if (note.body !== undefined) fields.body = note.body
  if (note.icon !== undefined) fields.icon = note.icon
  if (note.badge !== undefined) fields.badge = String(note.badge)
  if (note.loc !== undefined) {
    fields['loc-key'] = note.loc.key
    fields['loc-args'] = JSON.stringify(note.loc.args)
  }
  return fields
}

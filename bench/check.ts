import { parseSigningKeys, verifyIdentity } from '#contract/signature.ts'
import type { Scope } from '../test/support/child-process.ts'
import { requestText, sendRaw } from '../test/support/raw-http.ts'
import { startRecordingUpstream } from '../test/support/recording-upstream.ts'
import { userIdOf } from './credentials.ts'
import type { Rival, Setting } from './rival.ts'

/**
 * A rival that leaves work out is no rival: before anything is timed each one has to let the good token through as
 * the right user, refuse a wrong key and a wrong token, and drop identities that a client made up.
 */
export async function checkRival(t: Scope, rival: Rival, setting: Setting, token: string): Promise<void> {
  const upstream = await startRecordingUpstream(t)
  const running = await rival.start({ ...setting, upstreamUrl: upstream.url })
  const { clientKey } = setting.keys
  const fail = (what: string): never => {
    throw new Error(`${rival.name} ${what}`)
  }
  const get = (fields: string[]) => sendRaw(running.url, requestText('GET /me HTTP/1.1', fields))
  try {
    const good = [`IM-Client-Key: ${clientKey}`, `IM-Authorization: ${token}`]
    const spoofed = ['IM-Identity: forged', 'IM_IDENTITY: forged', 'im.identity: forged']
    const { status } = await get([...good, ...spoofed])
    if (status !== 200) fail(`answers ${status} to a good token`)
    const [request] = upstream.requests
    const names =
      request?.fields.filter(([name]) => name.toLowerCase().replace(/[_.]/g, '-') === 'im-identity') ?? []
    if (names.length !== 1) fail(`forwards ${names.length} identities`)
    const verified = verifyIdentity(names[0]?.[1], parseSigningKeys(setting.identityKeys), Date.now())
    if (
      !('identity' in verified) ||
      verified.identity.kind !== 'client' ||
      verified.identity.userId !== userIdOf(token)
    )
      fail('vouches for somebody else')
    if (request?.head.includes(token) || request?.head.includes(clientKey)) fail('forwards credentials')
    for (const wrong of [
      [`IM-Client-Key: ${clientKey}x`, `IM-Authorization: ${token}`],
      [`IM-Client-Key: ${clientKey}`, `IM-Authorization: ${token}x`],
      [`IM-Authorization: ${token}`],
      spoofed,
    ]) {
      const answer = await get(wrong)
      if (answer.status !== 401) fail(`answers ${answer.status} to wrong credentials`)
    }
    if (upstream.requests.length !== 1) fail('forwards what it refused')
  } finally {
    await running.stop()
    await upstream.close()
  }
}

import { startService } from '../../test/support/service.ts'
import type { Rival } from '../rival.ts'

export const gateway: Rival = {
  name: 'gateway',
  authenticates: true,
  async start({ upstreamUrl, coreInternalUrl, identityKeys, pinned }) {
    const ends: (() => unknown)[] = []
    const service = await startService(
      { teardown: (end) => ends.push(end) },
      'gateway',
      {
        GATEWAY_PORT: '0',
        GATEWAY_ADMIN_PORT: '0',
        CORE_URLS: upstreamUrl,
        CORE_INTERNAL_URL: coreInternalUrl,
        IDENTITY_KEYS: identityKeys,
      },
      pinned,
    )
    return {
      url: service.url,
      pids: [service.pid],
      async stop() {
        for (const end of ends) await end()
      },
    }
  },
}

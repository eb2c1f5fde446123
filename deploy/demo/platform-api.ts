import type { DemoUser } from './users.ts'

/** What a customer's server asks of the chat: a few calls through the gateway, with the platform key. */
export type PlatformApi = {
  saveUsers(users: readonly DemoUser[]): Promise<void>
  /** The user may come with this token until then. */
  bindToken(user: DemoUser, token: string, expiresAtMs: number): Promise<void>
  /** Opens the room, or finds it open already. */
  openGroup(room: { id: string; name: string; ownerId: string; memberIds: string[] }): Promise<void>
}

const TIMEOUT_MS = 10_000

export function createPlatformApi(gatewayUrl: () => string | undefined, platformKey: string): PlatformApi {
  const post = async (path: string, body: unknown, actingUserId?: string): Promise<void> => {
    const url = gatewayUrl()
    if (url === undefined) throw new Error('the gateway is not up yet')
    const response = await fetch(new URL(path, url), {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        'im-api-key': platformKey,
        ...(actingUserId !== undefined && { 'im-client-id': actingUserId }),
      },
      body: JSON.stringify(body),
      signal: AbortSignal.timeout(TIMEOUT_MS),
    })
    const text = await response.text()
    if (!response.ok) throw new Error(`POST ${path} was answered ${response.status}: ${text.slice(0, 300)}`)
  }

  return {
    saveUsers: (users) =>
      post('/admin/clients/list', {
        data: users.map(({ id, nickname, avatarUrl }) => ({ _id: id, nickname, avatarUrl })),
      }),
    bindToken: ({ id, nickname, avatarUrl }, token, expiresAtMs) =>
      post('/admin/clients', {
        _id: id,
        nickname,
        avatarUrl,
        token,
        expirationDate: new Date(expiresAtMs).toISOString(),
      }),
    openGroup: ({ id, name, ownerId, memberIds }) =>
      post('/rooms/createAndJoin', { _id: id, name, roomType: 'group', invitee: memberIds }, ownerId),
  }
}

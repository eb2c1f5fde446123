/** The customer's server: makes users and rooms, and gives and takes credentials while everything else goes on. */
import { asList, asObject, type Json } from '../support/api-client.ts'
import { type Answer, ask, wait } from './caller.ts'
import type { FinalRoom, Operation, StoredMessage } from './history.ts'
import type { Random } from './random.ts'
import { messageOf } from './room-view.ts'

export type Credential = { name: string; user: string; token: string }

export type Administrator = {
  createRoom(id: string, members: readonly string[]): Promise<void>
  issue(user: string): Promise<Credential>
  /** Resolves when it is answered; from then on the credential is tried at every entrance until the bound is over. */
  revoke(credential: Credential): Promise<void>
  revocations: Array<{ credential: string; answeredAtMs: number }>
  /** Ends with the last of the credentials that are still being tried. */
  settled(): Promise<void>
  readRoom(id: string, members: readonly string[]): Promise<FinalRoom>
}

type Parts = {
  entrances: readonly string[]
  platformKey: string
  clientKey: string
  random: Random
  operations: Operation[]
  /** Until when a credential that was revoked then is tried, as far as is known by now. */
  triedUntilMs: (answeredAtMs: number) => number
  timeoutMs: number
}

const PAGE = 200
const TRY_EVERY_MS = 700

export function createAdministrator(parts: Parts): Administrator {
  const { entrances, platformKey, clientKey, random, operations, triedUntilMs, timeoutMs } = parts
  const revocations: Administrator['revocations'] = []
  const trials: Promise<void>[] = []
  let issued = 0

  /** Asks again, wherever, until it has an answer. Its key is good: 401 is a gateway whose clock is wrong. */
  async function insist(method: string, path: string, body?: Json, as?: string): Promise<Answer> {
    const headers = { 'IM-API-KEY': platformKey, ...(as !== undefined && { 'IM-Client-ID': as }) }
    for (;;) {
      const answer = await ask(random.pick(entrances), headers, { method, path, body, timeoutMs })
      if (answer.outcome !== 'unknown' && answer.status !== 401) return answer
      await wait(250)
    }
  }

  async function must(method: string, path: string, body?: Json, as?: string): Promise<Json> {
    const answer = await insist(method, path, body, as)
    if (answer.outcome === 'acknowledged') return answer.result
    throw new Error(`${method} ${path} answered ${answer.status}`)
  }

  async function tryOut({ name, user, token }: Credential, answeredAtMs: number): Promise<void> {
    const headers = { 'IM-Client-Key': clientKey, 'IM-Authorization': token }
    while (Date.now() < triedUntilMs(answeredAtMs)) {
      for (const entrance of entrances) {
        const startedAtMs = Date.now()
        const { outcome } = await ask(entrance, headers, { method: 'GET', path: '/me', timeoutMs })
        const endedAtMs = Date.now()
        operations.push({
          kind: 'ask',
          what: 'revoked',
          user,
          credential: name,
          startedAtMs,
          endedAtMs,
          outcome,
        })
      }
      await wait(TRY_EVERY_MS)
    }
  }

  async function readMessages(room: string): Promise<StoredMessage[]> {
    const newestFirst: StoredMessage[] = []
    for (;;) {
      const before = newestFirst.at(-1)?.id
      const query = `limit=${PAGE}${before === undefined ? '' : `&beforeMessage=${before}`}`
      const { data } = await must('GET', `/rooms/${room}/messages?${query}`)
      const page = asList(data)
      for (const wire of page) {
        const { clientMessageID } = wire
        const clientMessageId = typeof clientMessageID === 'string' ? clientMessageID : undefined
        newestFirst.push({ ...messageOf(wire), clientMessageId })
      }
      if (page.length < PAGE) return newestFirst.reverse()
    }
  }

  return {
    revocations,
    async createRoom(id, members) {
      const body = { _id: id, roomType: 'group', members: [...members], owner: members[0], webhook: id }
      await must('POST', '/rooms', body)
    },
    async issue(user) {
      const made = await must('POST', '/admin/clients', { _id: user, nickname: user, issueAccessToken: true })
      issued += 1
      return { name: `${user}#${issued}`, user, token: String(made.token) }
    },
    async revoke(credential) {
      await insist('DELETE', `/admin/clients/${credential.user}/token`, { token: credential.token })
      const answeredAtMs = Date.now()
      revocations.push({ credential: credential.name, answeredAtMs })
      trials.push(tryOut(credential, answeredAtMs))
    },
    async settled() {
      await Promise.all(trials)
    },
    async readRoom(id, members) {
      const reading: Record<string, { unread: number; lastRead: string | undefined }> = {}
      for (const user of members) {
        const room = await must('GET', `/rooms/${id}`, undefined, user)
        const own = asList(room.memberProperties).find(({ client }) => client === user)
        const { lastRead } = asObject(own)
        reading[user] = {
          unread: Number(room.unread),
          lastRead: typeof lastRead === 'string' && lastRead !== '' ? lastRead : undefined,
        }
      }
      return { members, messages: await readMessages(id), reading }
    },
  }
}

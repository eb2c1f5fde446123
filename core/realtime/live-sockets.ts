/**
 * Who is connected, and cutting one off, for an app's customer. Each core knows its own sockets alone, so whoever is
 * asked asks the others over Redis, and says whether all of them have answered.
 */
import type { Logger } from 'pino'
import type { LiveSocket, LiveSockets, SocketPage } from '../chat/context.ts'
import { createCoreQuestions } from './core-questions.ts'
import type { Session, Sessions } from './sessions.ts'

export type LocalSockets = {
  list(app: string, page: SocketPage): LiveSocket[]
  /** Those of the users who have one. */
  connected(app: string, userIds: readonly string[]): string[]
  /** @returns whether it was here */
  cut(app: string, id: string): boolean
}

export type SocketQuestion =
  | { kind: 'list'; app: string; page: SocketPage }
  | { kind: 'connected'; app: string; userIds: readonly string[] }
  | { kind: 'cut'; app: string; id: string }
export type SocketAnswer = { sockets: LiveSocket[] } | { connected: string[] } | { cut: boolean }

type Parts = {
  local: LocalSockets
  nodeId: string
  redisUrl: string | undefined
  log: Logger
  timeoutMs?: number
}

export function createLiveSockets(parts: Parts): LiveSockets & { close(): void } {
  const { local, redisUrl } = parts
  function answer(question: SocketQuestion): SocketAnswer {
    switch (question.kind) {
      case 'list':
        return { sockets: local.list(question.app, question.page) }
      case 'connected':
        return { connected: local.connected(question.app, question.userIds) }
      case 'cut':
        return { cut: local.cut(question.app, question.id) }
    }
  }
  const others =
    redisUrl === undefined
      ? undefined
      : createCoreQuestions<SocketQuestion, SocketAnswer>({ ...parts, redisUrl, answer })

  async function askAll(question: SocketQuestion): Promise<{ answers: SocketAnswer[]; isComplete: boolean }> {
    const own = answer(question)
    if (others === undefined) return { answers: [own], isComplete: true }
    if (isWhole(question, own)) return { answers: [own], isComplete: true }
    const { answers, isComplete } = await others.ask(question)
    return { answers: [own, ...answers], isComplete }
  }

  return {
    async list(app, page) {
      const { answers, isComplete } = await askAll({ kind: 'list', app, page })
      const sockets = answers.flatMap((one) => ('sockets' in one ? one.sockets : []))
      sockets.sort((a, b) => (a.id < b.id ? 1 : -1))
      return { sockets: sockets.slice(0, page.limit), isComplete }
    },
    async connected(app, userIds) {
      const question = { kind: 'connected', app, userIds } as const
      const { answers, isComplete } = await askAll(question).catch(() => ({
        // Too many questions at once.
        answers: [answer(question)],
        isComplete: false,
      }))
      const known = answers.flatMap((one) => ('connected' in one ? [one.connected] : []))
      // A core of an earlier release answers something else.
      return { userIds: new Set(known.flat()), isComplete: isComplete && known.length === answers.length }
    },
    async cut(app, id) {
      const { answers, isComplete } = await askAll({ kind: 'cut', app, id })
      if (answers.some((one) => 'cut' in one && one.cut)) return 'cut'
      return isComplete ? 'absent' : 'unknown'
    },
    close() {
      others?.close()
    },
  }
}

/** Whether no other core could add to it. */
const isWhole = (question: SocketQuestion, own: SocketAnswer): boolean =>
  ('cut' in own && own.cut) ||
  (question.kind === 'connected' && 'connected' in own && own.connected.length === question.userIds.length)

const PREFIX_LENGTH = 8

/** Of one core. An id begins with the time, so that pages are cut by it, and opens nothing. */
export function createLocalSockets(
  sessions: Sessions,
  nodeId: string,
  cut: (session: Session) => void,
): LocalSockets {
  const isOf = (session: Session, app: string) => session.open && session.identity.app === app

  return {
    list(app, { userId, before, limit }) {
      const candidates = userId === undefined ? sessions.all() : sessions.ofUser(app, userId)
      const found: Session[] = []
      for (const session of candidates)
        if (isOf(session, app) && (before === undefined || session.shownId < before)) found.push(session)
      found.sort((a, b) => (a.shownId < b.shownId ? 1 : -1))
      return found.slice(0, limit).map((session) => show(session, nodeId))
    },
    connected: (app, userIds) =>
      userIds.filter((userId) => [...sessions.ofUser(app, userId)].some((session) => session.open)),
    cut(app, id) {
      for (const session of sessions.all())
        if (session.shownId === id && isOf(session, app)) {
          cut(session)
          return true
        }
      return false
    },
  }
}

function show({ identity, shownId, openedAtMs, conn }: Session, node: string): LiveSocket {
  const shown = { id: shownId, node, transport: conn.transport.name, connectedAtMs: openedAtMs }
  if (identity.kind === 'anonymous') return { ...shown, kind: 'anonymous' }
  const { kind, userId, deviceId, credentialId } = identity
  return { ...shown, kind, userId, deviceId, credential: credentialId.slice(0, PREFIX_LENGTH) }
}

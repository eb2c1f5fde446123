import type { Logger } from 'pino'
import { createRedisChannels } from '#contract/redis-channels.ts'
import { CoreError } from '../errors.ts'

/** Asking every other core, over Redis. */
export type CoreQuestions<Question, Answer> = {
  /** What the others answered in time; complete if that was each of them. @throws CoreError TOO_MANY_REQUESTS */
  ask(question: Question): Promise<{ answers: Answer[]; isComplete: boolean }>
  close(): void
}

type Parts<Question, Answer> = {
  redisUrl: string
  nodeId: string
  log: Logger
  answer: (question: Question) => Answer
  timeoutMs?: number
}

type Asked<Question> = { ask: number; from: string; question: Question }
type Answered<Answer> = { ask: number; answer: Answer }
type Waiting<Answer> = { answers: Answer[]; expected: number; done: () => void }

const QUESTIONS = 'im:sockets:questions'
const answersTo = (nodeId: string) => `im:sockets:answers:${nodeId}`
const TIMEOUT_MS = 1_000
const MAX_ASKED_AT_ONCE = 32

export function createCoreQuestions<Question, Answer>(
  parts: Parts<Question, Answer>,
): CoreQuestions<Question, Answer> {
  const { redisUrl, nodeId, log, answer, timeoutMs = TIMEOUT_MS } = parts
  const options = {
    retryStrategy: (attempt: number) => Math.min(50 * 2 ** Math.min(attempt, 10), 2_000),
    enableOfflineQueue: false,
    maxRetriesPerRequest: null,
    autoResubscribe: false,
    keepAlive: 10_000,
  }
  const waiting = new Map<number, Waiting<Answer>>()
  let asked = 0
  let reported = false
  const onTrouble = (err: unknown) => {
    if (!reported) log.warn({ err, reason: 'REDIS_UNAVAILABLE' }, 'the other cores cannot be asked')
    reported = true
  }
  const channels = createRedisChannels({
    url: redisUrl,
    channels: [QUESTIONS, answersTo(nodeId)],
    publisher: { ...options, commandTimeout: timeoutMs },
    subscriber: options,
    onTrouble,
    onReady() {
      reported = false
    },
    onLinked() {},
    onMessage(channel, text) {
      try {
        if (channel === QUESTIONS) reply(JSON.parse(text) as Asked<Question>)
        else take(JSON.parse(text) as Answered<Answer>)
      } catch (err) {
        log.error({ err, reason: 'UNREADABLE_BROADCAST' }, 'another core said something unreadable')
      }
    },
  })

  function reply({ ask, from, question }: Asked<Question>): void {
    if (from === nodeId || !channels.canPublish()) return
    channels.publish(answersTo(from), JSON.stringify({ ask, answer: answer(question) })).catch(onTrouble)
  }

  function take({ ask, answer: taken }: Answered<Answer>): void {
    const one = waiting.get(ask)
    if (one === undefined) return
    one.answers.push(taken)
    if (one.answers.length >= one.expected) one.done()
  }

  return {
    async ask(question) {
      if (!channels.isLinked() || !channels.canPublish()) return { answers: [], isComplete: false }
      if (waiting.size >= MAX_ASKED_AT_ONCE) throw new CoreError('TOO_MANY_REQUESTS')
      const ask = ++asked
      const { promise, resolve: done } = Promise.withResolvers<void>()
      // Answers may overtake the count of those who were asked.
      const one: Waiting<Answer> = { answers: [], expected: Number.POSITIVE_INFINITY, done }
      waiting.set(ask, one)
      const timer = setTimeout(done, timeoutMs)
      try {
        const heard = await channels.publish(QUESTIONS, JSON.stringify({ ask, from: nodeId, question }))
        // This core hears itself.
        one.expected = Math.max(0, heard - 1)
        if (one.answers.length < one.expected) await promise
        return { answers: one.answers, isComplete: one.answers.length >= one.expected }
      } catch (err) {
        onTrouble(err)
        return { answers: one.answers, isComplete: false }
      } finally {
        clearTimeout(timer)
        waiting.delete(ask)
      }
    },
    close() {
      for (const one of waiting.values()) one.done()
      channels.close()
    },
  }
}

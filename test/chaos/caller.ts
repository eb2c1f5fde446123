import { asObject, type Json, type JsonValue } from '../support/api-client.ts'
import type { Outcome } from './history.ts'

export type Answer = { outcome: Outcome; status: number; result: Json }

/** Undefined-proof: whatever goes wrong on the way is an answer of which nobody knows what it did. */
export async function ask(
  url: string,
  headers: Record<string, string>,
  request: { method: string; path: string; body?: Json | undefined; timeoutMs: number },
): Promise<Answer> {
  const { method, path, body, timeoutMs } = request
  try {
    const answer = await fetch(`${url}${path}`, {
      method,
      headers: { ...headers, ...(body !== undefined && { 'content-type': 'application/json' }) },
      ...(body !== undefined && { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(timeoutMs),
    })
    const envelope = asObject(JSON.parse(await answer.text()) as JsonValue)
    const { status } = answer
    return { outcome: outcomeOf(status), status, result: asObject(envelope.result) }
  } catch {
    return { outcome: 'unknown', status: 0, result: {} }
  }
}

/** 429 and what the server failed at may be asked again; the other refusals are final. */
export function outcomeOf(status: number): Outcome {
  if (status === 200) return 'acknowledged'
  return status >= 400 && status < 500 && status !== 408 && status !== 429 ? 'refused' : 'unknown'
}

export const wait = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

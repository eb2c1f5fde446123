import { type TSchema, Type } from 'typebox'
import type { ErrorCode } from '../../errors.ts'
import { ref } from './answers.ts'

/** What an endpoint is for and what it answers: what the reference says beside the route's own schemas. */
export type Endpoint = {
  does: string
  result: TSchema
  /** Beside those that any endpoint of its kind can answer. */
  errors?: readonly ErrorCode[]
  /** A body. */
  example?: Readonly<Record<string, unknown>>
  /** The parts of a multipart body, where it reads one. */
  parts?: TSchema
  /** What it answers instead of, or beside, JSON. */
  sends?: 'a file' | 'a redirection'
}

/** By `METHOD /path` of the route. */
export type Endpoints = Readonly<Record<string, Endpoint>>

export const Nothing = Type.Object({})
export const Anything = Type.Unknown()

export const says = (
  does: string,
  result: TSchema | string,
  more: Omit<Endpoint, 'does' | 'result'> = {},
): Endpoint => ({ does, result: typeof result === 'string' ? ref(result) : result, ...more })

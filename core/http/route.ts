import type { Static, TSchema } from 'typebox'
import { Type } from 'typebox'
import type { AnonymousIdentity, Identity, PlatformIdentity } from '#contract/identity.ts'
import type { Actor, ChatContext } from '../chat/context.ts'
import type { FileContext } from '../chat/files.ts'
import type { CredentialContext } from '../credentials/context.ts'
import type { Incoming } from './raw-answer.ts'
import type { Upload } from './uploads.ts'

/**
 * Who may call a route. `platform`: platform keys alone. `user`: a client, or a platform key that acts for one.
 * `any`: a client, or a platform key. `client-key`: whoever names an app. `nobody`: everyone, known or not.
 * `sandbox`: platform keys; where the deployment is a sandbox, a client key too.
 * `signed`: as `any`, or whoever presents `Expires` and `Signature`: the operation verifies them.
 */
export type Caller = 'platform' | 'user' | 'any' | 'client-key' | 'nobody' | 'sandbox' | 'signed'

/** A client key without a user. */
export type AppVisitor = AnonymousIdentity & { app: string }

type ActorOf<C extends Caller> = C extends 'platform'
  ? PlatformIdentity
  : C extends 'client-key'
    ? Actor | AppVisitor
    : C extends 'nobody' | 'signed'
      ? Identity
      : C extends 'sandbox'
        ? PlatformIdentity | AppVisitor
        : Actor

type ParamNames<Path extends string> = Path extends `${infer Segment}/${infer Rest}`
  ? ParamNames<Segment> | ParamNames<Rest>
  : Path extends `:${infer Name}`
    ? Name
    : Path extends '*'
      ? '*'
      : never

export type Call<C extends Caller, Path extends string, Query, Body> = {
  chat: ChatContext
  credentials: CredentialContext
  actor: ActorOf<C>
  params: Record<ParamNames<Path>, string>
  query: Query
  body: Body
  /** Where files are kept. @throws CoreError FILES_UNAVAILABLE where the deployment has no place for them */
  files: () => FileContext
  /** The parts of a multipart body, of routes that read one. */
  upload: Upload
  incoming: Incoming
  /** Position in the feed of the change that this call made; the gateway holds the answer back until it is there. */
  changedCredentials(position: number | undefined): void
}

/** One endpoint: what the authorisation matrix, the endpoint table and the server are made from. */
export type Route = {
  method: 'GET' | 'POST' | 'PUT' | 'DELETE'
  path: string
  caller: Caller
  query: TSchema
  body: TSchema
  /** The answer goes out without its envelope. */
  bare: boolean
  /** It reads a multipart body, as it comes. */
  multipart: boolean
  answer(call: Call<Caller, string, unknown, unknown>): Promise<unknown>
}

type RouteOptions<C extends Caller, Path extends string, Q extends TSchema, B extends TSchema> = {
  caller: C
  query?: Q
  body?: B
  bare?: boolean
  multipart?: boolean
  answer(call: Call<C, Path, Static<Q>, Static<B>>): Promise<unknown>
}

/** Bodies of routes that read none may be anything. */
const Anything = Type.Unknown()

/** `METHOD /path/:param`, who may call it, what it reads, and the operation that answers its result. */
export function route<
  const C extends Caller,
  const Path extends string,
  Q extends TSchema = typeof Anything,
  B extends TSchema = typeof Anything,
>(endpoint: `${Route['method']} ${Path}`, options: RouteOptions<C, Path, Q, B>): Route {
  const [method, path] = endpoint.split(' ') as [Route['method'], string]
  return {
    method,
    path,
    caller: options.caller,
    query: options.query ?? Anything,
    body: options.body ?? Anything,
    bare: options.bare ?? false,
    multipart: options.multipart ?? false,
    // The server reads query and body by these schemas, and the actor by `caller`, before it calls.
    answer: (call) => options.answer(call as Call<C, Path, Static<Q>, Static<B>>),
  }
}

/** Reads a history and says which guarantees it breaks. Knows the guarantees, and nothing of who kept them. */
import type { FinalRoom, History, Operation, StoredMessage } from './history.ts'

export type Guarantee =
  | 'acknowledged-once'
  | 'dense-order'
  | 'same-view'
  | 'unread'
  | 'changes-kept'
  | 'revoked-ends'
  | 'own-rooms-only'
  | 'nothing-uncommitted'
  | 'webhooks'

export type Violation = { guarantee: Guarantee; detail: string }

const RECALLED = 'recall'

export function check(history: History): Violation[] {
  return [
    ...checkAcknowledged(history),
    ...checkOrder(history),
    ...checkViews(history),
    ...checkUnread(history),
    ...checkChanges(history),
    ...checkRevocations(history),
    ...checkSightings(history),
    ...checkWebhooks(history),
  ]
}

type Of<K extends Operation['kind']> = Extract<Operation, { kind: K }>

const ofKind = <K extends Operation['kind']>(history: History, kind: K): Of<K>[] =>
  history.operations.filter((operation): operation is Of<K> => operation.kind === kind)

const isAcknowledged = ({ outcome }: Operation): boolean => outcome === 'acknowledged'

const roomsOf = (history: History): [string, FinalRoom][] => Object.entries(history.final)

/** Every acknowledged message is there, under the id and at the place it was given, and nothing is there twice. */
function* checkAcknowledged(history: History): Generator<Violation> {
  const broken = (detail: string): Violation => ({ guarantee: 'acknowledged-once', detail })
  const stored = new Map<string, Map<string, StoredMessage[]>>()
  for (const [room, { messages }] of roomsOf(history))
    stored.set(
      room,
      Map.groupBy(messages, ({ id }) => id),
    )
  const sends = ofKind(history, 'send')
  const attempts = Map.groupBy(sends, ({ user, room, key }) => JSON.stringify([user, room, key]))
  for (const ofKey of attempts.values()) {
    const acknowledged = ofKey.filter(isAcknowledged)
    const ids = new Set(acknowledged.map(({ messageId }) => messageId))
    const places = new Set(acknowledged.map(({ seq }) => seq))
    const [first] = acknowledged
    if (first === undefined) continue
    const { user, key, room, messageId = '', seq } = first
    if (ids.size > 1 || places.size > 1)
      yield broken(`${user}'s ${key} was acknowledged as ${[...ids]} at ${[...places]}`)
    const found = stored.get(room)?.get(messageId) ?? []
    if (found.length !== 1) yield broken(`${user}'s ${key} (${messageId}) is there ${found.length} times`)
    else if (found[0]?.seq !== seq || found[0]?.sender !== user)
      yield broken(`${user}'s ${key} was acknowledged at ${seq} and is at ${found[0]?.seq}`)
  }
  for (const [room, { messages }] of roomsOf(history)) {
    const byKey = Map.groupBy(messages, ({ sender, clientMessageId }) =>
      JSON.stringify([sender, room, clientMessageId]),
    )
    for (const [key, copies] of byKey) {
      const given = attempts.get(key)
      if (copies[0]?.clientMessageId === undefined) {
        for (const { id } of copies)
          if (!sends.some((send) => send.room === room && send.messageId === id))
            yield broken(`nobody sent ${id} in ${room}`)
        continue
      }
      if (given === undefined) yield broken(`nobody sent ${key}`)
      if (copies.length > 1) yield broken(`${key} is there ${copies.length} times`)
    }
  }
}

function* checkOrder(history: History): Generator<Violation> {
  for (const [room, { messages }] of roomsOf(history)) {
    const wrongAt = messages.findIndex(({ seq }, index) => seq !== index + 1)
    if (wrongAt >= 0)
      yield {
        guarantee: 'dense-order',
        detail: `${room}: place ${wrongAt + 1} has seq ${messages[wrongAt]?.seq}`,
      }
  }
}

function* checkViews(history: History): Generator<Violation> {
  for (const [room, { members, messages }] of roomsOf(history)) {
    const truth = messages.map(shown)
    for (const user of members) {
      const view = (history.views[user]?.[room] ?? []).map(shown)
      const wrongAt = truth.findIndex((text, index) => text !== view[index])
      if (wrongAt < 0 && view.length === truth.length) continue
      const at = wrongAt < 0 ? truth.length : wrongAt
      yield {
        guarantee: 'same-view',
        detail: `${user} in ${room} at place ${at + 1}: ${view[at]} instead of ${truth[at]}`,
      }
    }
  }
}

const shown = ({ id, seq, evSeq, sender, messageType, text }: Omit<StoredMessage, 'clientMessageId'>) =>
  JSON.stringify([id, seq, evSeq, sender, messageType, text])

/** Unread is last minus read, and the mark is where the user's acknowledged sends and marks have put it, or later. */
function* checkUnread(history: History): Generator<Violation> {
  const marks = ofKind(history, 'mark-read').filter(isAcknowledged)
  for (const [room, { members, messages, reading }] of roomsOf(history)) {
    const seqOf = new Map(messages.map(({ id, seq }) => [id, seq]))
    const last = messages.length
    for (const user of members) {
      const broken = (detail: string): Violation => ({
        guarantee: 'unread',
        detail: `${user} in ${room}: ${detail}`,
      })
      const { unread, lastRead } = reading[user] ?? { unread: Number.NaN, lastRead: undefined }
      const readSeq = lastRead === undefined ? 0 : seqOf.get(lastRead)
      if (readSeq === undefined) yield broken(`read up to ${lastRead}, which is not there`)
      else if (unread !== last - readSeq) yield broken(`${unread} unread, last ${last}, read ${readSeq}`)
      const own = messages.filter(({ sender }) => sender === user).map(({ seq }) => seq)
      const marked = marks
        .filter((mark) => mark.user === user && mark.room === room)
        .map(({ messageId }) => seqOf.get(messageId) ?? 0)
      const least = [...own, ...marked].reduce((most, seq) => Math.max(most, seq), 0)
      if ((readSeq ?? 0) < least) yield broken(`the mark was moved to ${least} and is at ${readSeq}`)
    }
  }
}

/**
 * A message shows a text that may be its last: no acknowledged change began after that text's own had ended. One of
 * which nobody knows whether it was done may be done at any later time.
 */
function* checkChanges(history: History): Generator<Violation> {
  const edits = Map.groupBy(ofKind(history, 'edit'), ({ messageId }) => messageId)
  const recalls = Map.groupBy(ofKind(history, 'recall'), ({ messageId }) => messageId)
  const sends = Map.groupBy(ofKind(history, 'send'), ({ room, key }) => JSON.stringify([room, key]))
  for (const [room, { messages }] of roomsOf(history)) {
    const there = new Set<string>()
    for (const { id, messageType, text, evSeq, clientMessageId } of messages) {
      const broken = (detail: string): Violation => ({
        guarantee: 'changes-kept',
        detail: `${id} in ${room}: ${detail}`,
      })
      there.add(id)
      const ofEdits = edits.get(id) ?? []
      const ofRecalls = recalls.get(id) ?? []
      for (const change of [...ofEdits, ...ofRecalls])
        if (change.evSeq !== undefined && evSeq < change.evSeq)
          yield broken(`a change at ${change.evSeq} was acknowledged, and it is at ${evSeq}`)
      if (messageType === RECALLED) {
        if (ofRecalls.every(({ outcome }) => outcome === 'refused')) yield broken('nobody recalled it')
        if (text !== '') yield broken('it was recalled and has a text')
        continue
      }
      if (ofRecalls.some(isAcknowledged)) yield broken('its recall was acknowledged, and it stands')
      const posts = sends.get(JSON.stringify([room, clientMessageId])) ?? []
      const wrote = (one: Of<'send' | 'edit'>) => one.text === text && one.outcome !== 'refused'
      const writers = [...posts, ...ofEdits].filter(wrote)
      // It is posted once: a repeat that nobody heard of writes nothing any more.
      const postedAtMs = Math.min(...posts.filter(isAcknowledged).map((post) => post.endedAtMs))
      const endOf = (one: Operation) => (isAcknowledged(one) ? one.endedAtMs : Infinity)
      const ends = writers.map((one) => (one.kind === 'send' ? postedAtMs : endOf(one)))
      const endedAtMs = Math.max(...ends)
      if (writers.length === 0) yield broken(`nobody wrote "${text}"`)
      else if (
        ofEdits.some((edit) => isAcknowledged(edit) && edit.text !== text && edit.startedAtMs > endedAtMs)
      )
        yield broken(`"${text}" was replaced by an acknowledged edit, and stands`)
    }
    for (const change of [...ofKind(history, 'edit'), ...ofKind(history, 'recall')])
      if (change.room === room && isAcknowledged(change) && !there.has(change.messageId))
        yield { guarantee: 'changes-kept', detail: `${change.messageId} in ${room} was changed and is gone` }
  }
}

function* checkRevocations({ operations, sightings, revocations }: History): Generator<Violation> {
  const revoked = new Map(revocations.map((revocation) => [revocation.credential, revocation]))
  const broken = (detail: string): Violation => ({ guarantee: 'revoked-ends', detail })
  for (const operation of operations) {
    const revocation = revoked.get(operation.credential)
    if (revocation === undefined || !isAcknowledged(operation)) continue
    const lateMs = operation.startedAtMs - revocation.answeredAtMs
    if (lateMs > revocation.requestMs)
      yield broken(
        `${operation.credential}: ${operation.kind} was admitted ${lateMs} ms after its revocation (at most ${revocation.requestMs})`,
      )
  }
  for (const { credential, via, atMs, messageId } of sightings) {
    const revocation = revoked.get(credential)
    if (revocation === undefined || via !== 'socket') continue
    const lateMs = atMs - revocation.answeredAtMs
    if (lateMs > revocation.socketMs)
      yield broken(
        `${credential}: heard ${messageId} over a socket ${lateMs} ms after its revocation (at most ${revocation.socketMs})`,
      )
  }
}

function* checkSightings({ sightings, final }: History): Generator<Violation> {
  const members = new Map(Object.entries(final).map(([room, one]) => [room, new Set(one.members)]))
  const ids = new Map(
    Object.entries(final).map(([room, one]) => [room, new Set(one.messages.map(({ id }) => id))]),
  )
  for (const { user, room, messageId, via } of sightings) {
    if (!members.get(room)?.has(user))
      yield { guarantee: 'own-rooms-only', detail: `${user} saw ${messageId} of ${room} (${via})` }
    if (!ids.get(room)?.has(messageId))
      yield {
        guarantee: 'nothing-uncommitted',
        detail: `${user} saw ${messageId} of ${room}, which is not there`,
      }
  }
}

/** Each message's event was accepted once at least; for the first time in the order of its room. */
function* checkWebhooks({ webhooks, final }: History): Generator<Violation> {
  const accepted = webhooks.filter((call) => call.accepted)
  for (const [room, { messages }] of Object.entries(final)) {
    const broken = (detail: string): Violation => ({ guarantee: 'webhooks', detail: `${room}: ${detail}` })
    const seqOf = new Map(messages.map(({ id, seq }) => [id, seq]))
    const told = new Set(accepted.filter((call) => call.room === room).map(({ messageId }) => messageId))
    for (const { id, seq } of messages) if (!told.has(id)) yield broken(`message ${seq} (${id}) was not told`)
    let before = 0
    for (const id of told) {
      const seq = seqOf.get(id)
      if (seq === undefined) yield broken(`${id} was told and is not there`)
      else if (seq < before) yield broken(`message ${seq} was told after ${before}`)
      before = Math.max(before, seq ?? 0)
    }
  }
}

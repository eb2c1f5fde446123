/** Puts each message in its place: over the one of its id, over the draft that it was, or as a new one. */
export function mergeMessages(items, messages) {
  for (const message of messages) {
    const place = items.findIndex(
      (other) => other._id === message._id || (other.localId && other.localId === message.clientMessageID),
    )
    if (place === -1) items.push(message)
    else items[place] = { ...message, localId: items[place].localId }
  }
  items.sort(byOrder)
}

/** As the server orders them; what has not reached it yet comes last. */
function byOrder(a, b) {
  if (!a._id || !b._id) return (a._id ? 0 : 1) - (b._id ? 0 : 1) || a.createdAtMS - b.createdAtMS
  return (a.seq ?? 0) - (b.seq ?? 0) || a.createdAtMS - b.createdAtMS || (a._id < b._id ? -1 : 1)
}

/** A room's record of one member, made when it is not there yet. */
export function memberProperty(room, userId) {
  room.memberProperties ??= []
  let found = room.memberProperties.find((property) => property.client === userId)
  if (found === undefined) {
    found = { client: userId }
    room.memberProperties.push(found)
  }
  return found
}

/** The other members who have read up to a message. */
export const readersOf = (room, message, meId) =>
  room.members.filter(
    (member) => member._id !== meId && memberProperty(room, member._id).lastRead >= message._id,
  )

import t from 'tap'
import type { ChatEvent } from '../../../core/chat/events.ts'
import { DATABASES } from '../../contract/server.ts'
import { startStand } from './stand.ts'

for (const kind of DATABASES)
  t.test(`what happens to a room besides its messages, on ${kind}`, async (t) => {
    // What a core that lives has committed it has told by then, on a busy machine as well.
    const stand = await startStand(t, kind, { started: false, timing: { graceMs: 1_000 } })
    const app = await stand.newApp()
    const { platform } = app
    const ann = app.user('ann')
    const putTeam = (members: string[]) =>
      platform().ok('POST', '/admin/groups', { _id: 'team', nickname: 'Team', members })

    t.test('is told though the core died that did it', async (t) => {
      await ann.ok('POST', '/rooms/createAndJoin', { _id: 'r1', roomType: 'group', invitee: ['bob'] })
      await putTeam(['dan', 'eve'])
      stand.fastPath = false
      stand.told.length = 0
      await ann.ok('PUT', '/rooms/r1', { name: 'renamed' })
      await ann.ok('PUT', '/rooms/r1/member/bob', { property: 'desk', value: 7 })
      await ann.ok('POST', '/rooms/r1/members', { invitees: ['cem', 'flo'], invitationRequired: true })
      await ann.ok('POST', '/rooms/r1/delete/invitations', { invitees: ['flo'] })
      await platform().ok('POST', '/rooms', { _id: 'r2', members: ['team'], roomType: 'group' })
      await putTeam(['eve', 'gil'])
      stand.outbox.start()
      await stand.outboxIsEmpty()
      stand.fastPath = true

      const roomOf = (event: ChatEvent) =>
        event.type === 'room-changed'
          ? event.room.id
          : event.type === 'invited'
            ? event.invitation.room.id
            : undefined
      const of = (roomId: string) =>
        stand.told.filter((event) => ('roomId' in event ? event.roomId : roomOf(event)) === roomId)
      const first = of('r1').filter((event) => event.type !== 'members-joined')
      t.match(
        first,
        [
          { type: 'room-changed', to: { roomId: 'r1' }, room: { name: 'renamed' } },
          { type: 'invited', to: { userIds: ['cem'] }, invitation: { inviter: { id: 'ann' } } },
          { type: 'invitation-cancelled', to: { userIds: ['flo'] }, roomId: 'r1' },
        ],
        'as it is now: of several changes the outcome, of an invitation taken back only that',
      )
      const [changed] = first
      const bob =
        changed?.type === 'room-changed' && changed.room.members.find(({ user }) => user.id === 'bob')
      t.match(bob, { properties: { desk: 7 } })

      const moved = of('r2').flatMap((event) =>
        event.type === 'members-joined' || event.type === 'members-left'
          ? [`${event.type} ${event.userIds.toSorted()}`]
          : [],
      )
      t.strictSame(moved, ['members-joined eve,team', 'members-joined gil', 'members-left dan'])
    })

    t.test('is told once by a core that lives', async (t) => {
      stand.told.length = 0
      await ann.ok('PUT', '/rooms/r1', { name: 'renamed again' })
      await ann.ok('PUT', '/rooms/r1/member/bob', { property: 'role', value: 'admin' })
      await ann.ok('POST', '/rooms/r1/members', { invitees: ['hal'], invitationRequired: true })
      await ann.ok('POST', '/rooms/r1/delete/invitations', { invitees: ['hal'] })
      await platform().ok('POST', '/rooms/r1/members', { invitees: ['team'] })
      await stand.outboxIsEmpty()
      const count = (type: ChatEvent['type']) => stand.told.filter((event) => event.type === type).length
      t.equal(count('invited'), 1)
      t.equal(count('invitation-cancelled'), 1)
      // For the name, the role, those invited, the team.
      t.equal(count('room-changed'), 4)
    })
  })

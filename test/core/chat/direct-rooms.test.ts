import t from 'tap'
import { directRoomId, meansPairRoom, pairOf } from '../../../core/chat/direct-rooms.ts'

t.test('the ids of direct rooms are those of the original server', async (t) => {
  t.equal(directRoomId(pairOf('ccc', 'aaa')), '2bec603e94a210092439e83ff2d79ac1')
  t.equal(directRoomId(pairOf('aaa', 'ddd')), '8ab6c2ec1f2ee3f7d46cea03bdca4c9b')
})

t.test('case is kept, and an id of the lower-cased pair means the same room', async (t) => {
  const pair = pairOf('Bob', 'ann')
  t.same(pair, ['Bob', 'ann'])
  t.not(directRoomId(pair), directRoomId(pairOf('bob', 'ann')))
  t.ok(meansPairRoom(directRoomId(pairOf('bob', 'ann')), pair))
  t.notOk(meansPairRoom(directRoomId(pairOf('eve', 'ann')), pair))
})

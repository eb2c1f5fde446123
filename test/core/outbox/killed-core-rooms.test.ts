import t from 'tap'
import { startPostgres } from '../../support/postgres.ts'
import { startService } from '../../support/service.ts'
import { heard } from '../realtime/sockets.ts'
import { actAndDie, api, client, environment, platform, signedIn } from './killed-cores.ts'

t.test(
  'what a killed core had changed of a room, whom it had invited and let in, is told by another',
  async (t) => {
    const { url: databaseUrl } = await startPostgres(t)
    const core = await startService(t, 'core', environment(databaseUrl))
    const members = { members: ['ann', 'bob'], roomType: 'group', owner: 'ann' }
    await api(core.url, platform).ok('POST', '/rooms', { _id: 'r1', ...members })
    const [bob, cem, dan] = await Promise.all(['bob', 'cem', 'dan'].map((id) => signedIn(t, core, id)))

    const renamed = heard(bob!, 'room')
    await actAndDie(t, databaseUrl, 'rename', ['by the dead'])
    t.match(await renamed, { _id: 'r1', name: 'by the dead' })

    const invited = heard(cem!, 'invitation')
    await actAndDie(t, databaseUrl, 'invite', ['cem'])
    t.match(await invited, { room: { _id: 'r1' }, inviter: { _id: 'ann' } })

    const entered = heard(dan!, 'room')
    await actAndDie(t, databaseUrl, 'add', ['dan'])
    t.match(await entered, { _id: 'r1' })
    const said = heard(dan!, 'chat message')
    await api(core.url, client('bob')).ok('POST', '/rooms/r1/message', { message: 'welcome' })
    t.match(await said, { message: 'welcome' }, 'and hears the room from then on')
  },
)

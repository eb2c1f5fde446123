import { once } from 'node:events'
import { connect } from 'node:net'
import pg from 'pg'
import t from 'tap'
import { startPostgres } from './postgres.ts'
import { startRedis } from './redis.ts'

async function ask(url: string, statement: string): Promise<unknown[]> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    return (await client.query(statement)).rows
  } finally {
    await client.end()
  }
}

t.test('every call has an empty database of its own on one server', async (t) => {
  const [first, second] = await Promise.all([startPostgres(t), startPostgres(t)])
  await ask(first.url, 'create table only_here (id int)')
  t.same(await ask(first.url, 'select * from only_here'), [])
  await t.rejects(ask(second.url, 'select * from only_here'))
  t.equal(new URL(first.url).port, new URL(second.url).port)
})

t.test('a dedicated server keeps its data over a stop', async (t) => {
  const database = await startPostgres(t, { durable: true })
  await ask(database.url, 'create table kept (id int)')
  await database.stop()
  await t.rejects(ask(database.url, 'select 1'))
  await database.start()
  t.same(await ask(database.url, 'select * from kept'), [])
  t.same(await ask(database.url, 'show fsync'), [{ fsync: 'on' }])
})

t.test('a paused Redis keeps its connections and says nothing until it is resumed', async (t) => {
  const redis = await startRedis(t)
  const socket = connect(redis.port, '127.0.0.1')
  t.teardown(() => socket.destroy())
  await once(socket, 'connect')
  redis.pause()
  socket.write('PING\r\n')
  redis.resume()
  const [answer] = await once(socket, 'data')
  t.equal(String(answer), '+PONG\r\n')
})

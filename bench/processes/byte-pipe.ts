import { type AddressInfo, connect, createServer } from 'node:net'

// No HTTP at all: what Node's sockets alone cost.

const { hostname, port } = new URL(process.env.UPSTREAM_URL ?? '')
const server = createServer({ noDelay: true }, (client) => {
  const core = connect({ host: hostname, port: Number(port), noDelay: true })
  client.on('error', () => core.destroy())
  core.on('error', () => client.destroy())
  client.pipe(core).pipe(client)
})
server.listen({ port: 0, host: '127.0.0.1', backlog: 4_096 }, () =>
  console.log(`listening http://127.0.0.1:${(server.address() as AddressInfo).port}`),
)

import fastify from 'fastify'
import { createCredentialCheck } from './credential-check.ts'

const { check } = createCredentialCheck(process.env)
const server = fastify({ logger: false })
server.all('*', async (request, reply) => {
  const signed = await check(request.headers)
  if (signed === undefined) return reply.code(401).send()
  return reply.header('im-identity', signed).send()
})
console.log(`listening ${await server.listen({ port: 0, host: '127.0.0.1' })}`)

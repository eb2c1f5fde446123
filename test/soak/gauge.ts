/** What a running service holds: memory, live heap, handles, file descriptors. */
import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import { asObject, type Json, type JsonValue } from '../support/api-client.ts'
import type { TestService } from '../support/service.ts'

export type Reading = {
  atMs: number
  residentBytes: number
  /** After a garbage collection, so that what is left is held by somebody. */
  heapBytes: number
  /** Sockets, timers, requests that keep the process awake. */
  resources: number
  descriptors: number
}

export type Gauge = { read(): Promise<Reading>; close(): void }

/** For the environment of a service that is to be gauged: its inspector, once it is asked for, takes any port. */
export const GAUGED = { NODE_OPTIONS: '--inspect-port=127.0.0.1:0' }

export async function openGauge(service: TestService): Promise<Gauge> {
  service.signal('SIGUSR1')
  const line = await service.logged('Debugger listening on ws:')
  const socket = new WebSocket(line.slice(line.indexOf('ws:')).trim())
  await once(socket, 'open')
  const waiting = new Map<number, (result: Json) => void>()
  let asked = 0
  socket.addEventListener('message', ({ data }) => {
    const { id, result } = asObject(JSON.parse(String(data)) as JsonValue)
    waiting.get(Number(id))?.(asObject(result))
    waiting.delete(Number(id))
  })
  const ask = (method: string, params: Json = {}): Promise<Json> =>
    new Promise((resolve) => {
      waiting.set(++asked, resolve)
      socket.send(JSON.stringify({ id: asked, method, params }))
    })

  return {
    async read() {
      await ask('HeapProfiler.collectGarbage')
      const { usedSize } = await ask('Runtime.getHeapUsage')
      const expression = 'process.getActiveResourcesInfo().length'
      const { result } = await ask('Runtime.evaluate', { expression, returnByValue: true })
      return {
        atMs: performance.now(),
        residentBytes: residentBytesOf(service.pid),
        heapBytes: Number(usedSize),
        resources: Number(asObject(result).value),
        descriptors: readdirSync(`/proc/${service.pid}/fd`).length,
      }
    },
    close: () => socket.close(),
  }
}

function residentBytesOf(pid: number): number {
  const [, kilobytes] = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? []
  return Number(kilobytes) * 1_024
}

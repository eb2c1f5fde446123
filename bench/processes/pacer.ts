import { parentPort, workerData } from 'node:worker_threads'

// Keeps the time of an open loop in a thread of its own: Node's timers tick once a millisecond, and requests would leave
// in twos and threes. Asked with a turn's length in milliseconds, it says `due` for each request and then `over`.

const { rate } = workerData as { rate: number }
const gapMs = 1_000 / rate
const never = new Int32Array(new SharedArrayBuffer(4))

parentPort?.on('message', (turnMs: number) => {
  const startMs = performance.now()
  for (let dueMs = 0; dueMs < turnMs; dueMs += gapMs) {
    const waitMs = startMs + dueMs - performance.now()
    if (waitMs > 0) Atomics.wait(never, 0, 0, waitMs)
    parentPort?.postMessage('due')
  }
  parentPort?.postMessage('over')
})

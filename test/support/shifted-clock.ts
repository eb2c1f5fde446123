/** Preloaded (`--import`) into a service: its wall clock is off by what the file says, from each SIGUSR2 on. */
import { readFileSync } from 'node:fs'

const trueTime = Date.now
let shiftMs = 0

Date.now = () => trueTime() + shiftMs
process.on('SIGUSR2', () => {
  shiftMs = Number(readFileSync(process.env.CLOCK_SHIFT_FILE ?? '', 'utf8'))
})

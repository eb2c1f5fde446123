/** @import { Figures } from '../figures.ts' */

const RETRY_MS = 2_000
/** Nothing for so long: the connection is dead, whatever the browser believes. */
const SILENCE_MS = 5_000

/**
 * Follows the gateway's figures, and comes back by itself.
 * @param {(figures: Figures) => void} onFigures
 * @param {(isLive: boolean) => void} onLive
 */
export function follow(onFigures, onLive) {
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let silence
  const url = new URL('feed', location.href)
  url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:'
  const socket = new WebSocket(url)
  const listen = () => {
    clearTimeout(silence)
    silence = setTimeout(() => socket.close(), SILENCE_MS)
  }
  listen()
  socket.addEventListener('message', ({ data }) => {
    listen()
    onLive(true)
    onFigures(JSON.parse(data))
  })
  socket.addEventListener('close', () => {
    clearTimeout(silence)
    onLive(false)
    setTimeout(() => follow(onFigures, onLive), RETRY_MS)
  })
}

/** @import { Figures } from '../figures.ts' */
import { createCharts } from './charts.js'
import { byId } from './element.js'
import { follow } from './feed.js'
import { createPanels } from './panels.js'

const charts = createCharts(byId('charts'))
const panels = createPanels()
const state = byId('state')
const notice = byId('notice')
const pause = byId('pause')
/** @type {NodeListOf<HTMLButtonElement>} */
const ranges = document.querySelectorAll('[data-minutes]')
let isPaused = false
let isLive = false
/** @type {Figures | undefined} */
let last

byId('place').textContent = location.host

function showState() {
  const reason = last?.unreadiness
  const tone = !isLive ? 'bad' : reason === undefined ? 'good' : 'warn'
  const text = !isLive
    ? 'no answer'
    : reason === undefined
      ? 'ready'
      : reason === 'draining'
        ? reason
        : 'not ready'
  if (state.textContent !== text) state.textContent = text
  state.className = `pill ${tone}`
  const words = !isLive
    ? 'The gateway does not answer here. What is shown is old; the page goes on trying.'
    : reason === 'draining'
      ? 'Draining: it takes no new connections, and closes those it has.'
      : reason === undefined
        ? ''
        : `Not ready: ${reason}.`
  if (notice.textContent !== words) notice.textContent = words
  notice.hidden = words === ''
}

function show() {
  if (isPaused || last === undefined) return
  panels.show(last)
  charts.show()
}

function togglePause() {
  isPaused = !isPaused
  pause.setAttribute('aria-pressed', String(isPaused))
  show()
}

/** @param {HTMLButtonElement} chosen */
function chooseRange(chosen) {
  for (const button of ranges) button.setAttribute('aria-pressed', String(button === chosen))
  charts.setMinutes(Number(chosen.dataset.minutes))
}

for (const button of ranges) button.addEventListener('click', () => chooseRange(button))
pause.addEventListener('click', togglePause)
document.addEventListener('keydown', (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return
  const button = ranges[Number(event.key) - 1]
  if (event.key === 'p') togglePause()
  else if (button !== undefined) chooseRange(button)
})
const usual = ranges[1]
if (usual !== undefined) chooseRange(usual)

let wasLive = false
follow(
  (figures) => {
    last = figures
    charts.add(figures)
    showState()
    show()
  },
  (live) => {
    isLive = live
    if (wasLive || !live) showState()
    wasLive ||= live
  },
)

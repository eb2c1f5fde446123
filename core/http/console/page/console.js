/** @import { Api } from './api.js' */
import { createApi } from './api.js'
import { showApp } from './app.js'
import { byId, h } from './element.js'
import { showKeys } from './keys.js'
import { field } from './parts.js'
import { showSockets } from './sockets.js'
import { showUsers } from './users.js'
import { showWebhooks } from './webhooks.js'

/**
 * @typedef {{
 *   api: Api, place: HTMLElement, say(text: string): void,
 *   attempt(work: () => Promise<unknown>): Promise<void>,
 *   isSure(question: string, label: string): Promise<boolean>,
 *   isShown(): boolean,
 * }} Page
 */

/** @type {Record<string, (page: Page, rest: string) => Promise<unknown>>} */
const SECTIONS = {
  app: showApp,
  keys: showKeys,
  users: showUsers,
  sockets: showSockets,
  webhooks: showWebhooks,
}

const main = byId('place')
const sections = byId('sections')
const leave = byId('leave')
/** @type {Api | undefined} */
let api
/** Of the section that is shown: what an earlier one still finds out is not shown any more. */
let turn = 0

/**
 * @param {'said' | 'failed'} id
 * @param {string} text
 */
function tell(id, text) {
  for (const one of /** @type {const} */ (['said', 'failed'])) {
    byId(one).textContent = one === id ? text : ''
    byId(one).hidden = one !== id || text === ''
  }
}

/** @param {() => Promise<unknown>} work */
async function attempt(work) {
  try {
    await work()
  } catch (error) {
    if (api !== undefined) tell('failed', error instanceof Error ? error.message : String(error))
  }
}

/**
 * @param {string} question
 * @param {string} label
 */
function isSure(question, label) {
  const dialog = /** @type {HTMLDialogElement} */ (byId('sure'))
  byId('question').textContent = question
  byId('yes').textContent = label
  dialog.returnValue = 'no'
  dialog.showModal()
  return /** @type {Promise<boolean>} */ (
    new Promise((resolve) =>
      dialog.addEventListener('close', () => resolve(dialog.returnValue === 'yes'), { once: true }),
    )
  )
}

async function showSection() {
  if (api === undefined) return
  const [name = 'app', ...rest] = location.hash.slice(1).split('/')
  const chosen = name in SECTIONS ? name : 'app'
  for (const link of sections.querySelectorAll('a'))
    if (link.hash === `#${chosen}`) link.setAttribute('aria-current', 'page')
    else link.removeAttribute('aria-current')
  turn += 1
  const own = turn
  const place = h('div', { class: 'section' })
  main.replaceChildren(place)
  tell('said', '')
  const page = {
    api,
    place,
    attempt,
    isSure,
    say: (/** @type {string} */ text) => tell('said', text),
    isShown: () => own === turn,
  }
  await attempt(async () => SECTIONS[chosen]?.(page, decodeURIComponent(rest.join('/'))))
}

/** @param {string} key */
async function enter(key) {
  const tried = createApi(key, (error) => {
    signOut()
    tell('failed', error.message)
  })
  api = tried
  await attempt(async () => {
    const { app } = await tried.get('/admin/app')
    byId('app').textContent = app
    document.title = `${app} – Console`
    sections.hidden = false
    leave.hidden = false
    await showSection()
    main.focus()
  })
  if (sections.hidden) api = undefined
}

function signOut() {
  api = undefined
  turn += 1
  byId('app').textContent = ''
  document.title = 'Console'
  sections.hidden = true
  leave.hidden = true
  const key = /** @type {HTMLInputElement} */ (
    h('input', { type: 'password', autocomplete: 'off', spellcheck: 'false', required: true })
  )
  const form = h(
    'form',
    {
      class: 'card',
      onsubmit: (event) => {
        event.preventDefault()
        tell('said', '')
        void enter(key.value.trim())
      },
    },
    h('h2', null, 'Your app’s platform key'),
    field('Platform key', key),
    h(
      'p',
      { class: 'hint' },
      'It stays in the memory of this page, and is gone when you leave or reload it.',
    ),
    h('button', { class: 'primary' }, 'Enter'),
  )
  main.replaceChildren(form)
  tell('said', '')
  key.focus()
}

addEventListener('hashchange', () => void showSection())
leave.addEventListener('click', signOut)
signOut()

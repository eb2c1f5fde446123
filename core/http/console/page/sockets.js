/** @import { Page } from './console.js' */
import { segment } from './api.js'
import { h } from './element.js'
import { button, field, table, time } from './parts.js'

const PAGE = 50
const REFRESH_MS = 3_000

/**
 * @param {Page} page
 * @param {string} userId
 */
export async function showSockets(page, userId) {
  const { api, place } = page
  const whose = /** @type {HTMLInputElement} */ (
    h('input', { type: 'search', value: userId, spellcheck: 'false' })
  )
  const list = h('div', { class: 'list' })
  /** The ids after which the pages so far began. @type {string[]} */
  let pages = []

  async function refresh() {
    const query = new URLSearchParams({ limit: String(PAGE) })
    const client = whose.value.trim()
    const before = pages.at(-1)
    if (client !== '') query.set('client', client)
    if (before !== undefined) query.set('before', before)
    const { data, complete } = await api.get(`/admin/sockets?${query}`)
    if (!page.isShown()) return
    const rows = data.map((/** @type {Record<string, any>} */ socket) => [
      socket.client ?? (socket.kind === 'anonymous' ? '(nobody yet)' : '(platform key)'),
      socket.deviceId ?? '–',
      socket.transport,
      time(socket.connectedAt),
      h('code', null, socket.credential ?? '–'),
      h('code', null, socket.node),
      button('Cut', () => cut(socket.id, socket.client), {
        key: socket.id,
        about: `the socket of ${socket.client ?? 'nobody'}`,
        danger: true,
      }),
    ])
    // A button that has the focus is not taken away under the hand.
    const focused = /** @type {HTMLElement | null} */ (document.activeElement)?.dataset.key
    const last = data.at(-1)?.id
    list.replaceChildren(
      h('p', { class: 'notice', hidden: complete }, 'Not every core has answered: there may be more.'),
      table(
        'Live sockets',
        ['User', 'Device', 'Transport', 'Connected', 'Credential', 'Core', 'Actions'],
        rows,
        'Nobody is connected.',
      ),
      h(
        'div',
        { class: 'pages' },
        pages.length > 0 && button('Newer', () => turnTo(pages.slice(0, -1))),
        data.length === PAGE && button('Older', () => turnTo([...pages, last])),
      ),
    )
    for (const one of list.querySelectorAll('button')) if (focused && one.dataset.key === focused) one.focus()
  }

  /** @param {string[]} next */
  function turnTo(next) {
    pages = next
    return page.attempt(refresh)
  }

  /**
   * @param {string} id
   * @param {string | null} client
   */
  const cut = (id, client) =>
    page.attempt(async () => {
      await api.remove(`/admin/sockets/${segment(id)}`)
      await refresh()
      page.say(
        `The socket of ${client ?? 'nobody'} is cut. To keep a user out, disable them, or revoke their tokens.`,
      )
    })

  place.append(
    h('h2', null, 'Live sockets'),
    h(
      'form',
      {
        class: 'bar',
        role: 'search',
        onsubmit: (event) => {
          event.preventDefault()
          void turnTo([])
        },
      },
      field('Of this user', whose),
      h('button', { class: 'primary' }, 'Show'),
    ),
    list,
  )
  await refresh()
  const timer = setInterval(() => {
    if (!page.isShown()) clearInterval(timer)
    else if (!document.hidden && pages.length === 0) void refresh().catch(() => {})
  }, REFRESH_MS)
}

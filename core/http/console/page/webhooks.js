/** @import { Page } from './console.js' */
import { segment } from './api.js'
import { h } from './element.js'
import { button, table, time } from './parts.js'

const LETTERS = '/admin/webhooks/dead-letters'

/** @param {Page} page */
export async function showWebhooks(page) {
  const { api, place } = page
  const waitingPlace = h('div', { class: 'list' })
  const deadPlace = h('div', { class: 'list' })

  async function refresh() {
    const [waiting, dead] = await Promise.all([api.get('/admin/webhooks/deliveries'), api.get(LETTERS)])
    if (!page.isShown()) return
    const shared = (/** @type {Record<string, any>} */ one) => [
      one.id,
      one.event,
      one.room,
      one.target,
      String(one.attempts),
      one.reason ?? '–',
    ]
    const names = ['Id', 'Event', 'Room', 'Goes to', 'Tries', 'Last answer']
    waitingPlace.replaceChildren(
      table(
        'Being delivered',
        [...names, 'Since'],
        waiting.data.map((/** @type {Record<string, any>} */ one) => [...shared(one), time(one.createdAt)]),
        'Nothing waits.',
      ),
    )
    deadPlace.replaceChildren(
      table(
        'Given up',
        [...names, 'Given up', 'Actions'],
        dead.data.map((/** @type {Record<string, any>} */ one) => [
          ...shared(one),
          time(one.deadAt),
          h(
            'div',
            { class: 'row' },
            button('Replay', () => replay(`${LETTERS}/${segment(one.id)}/replay`), {
              about: `delivery ${one.id}`,
            }),
            h(
              'details',
              null,
              h('summary', null, 'Content'),
              h('pre', null, JSON.stringify(one.payload, null, 2)),
            ),
          ),
        ]),
        'Nothing was given up.',
      ),
      h(
        'div',
        { class: 'actions' },
        dead.data.length > 0 && button('Replay all', () => replay(`${LETTERS}/replay`)),
      ),
    )
  }

  /** @param {string} path */
  const replay = (path) =>
    page.attempt(async () => {
      const { n } = await api.post(path)
      await refresh()
      page.say(n === 1 ? 'One delivery is on its way again.' : `${n} deliveries are on their way again.`)
    })

  place.append(
    h('h2', null, 'Webhooks'),
    h(
      'div',
      { class: 'bar' },
      button('Look again', () => page.attempt(refresh)),
    ),
    h('h3', null, 'Given up'),
    deadPlace,
    h('h3', null, 'Being delivered'),
    waitingPlace,
  )
  await refresh()
}

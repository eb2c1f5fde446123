/** @import { Page } from './console.js' */
import { segment } from './api.js'
import { h } from './element.js'
import { button, field, table, time } from './parts.js'

/** @param {Page} page */
export async function showKeys(page) {
  const { api, place } = page
  const secretPlace = h('div', { 'aria-live': 'polite' })
  const list = h('div', { class: 'list' })

  const kind = /** @type {HTMLSelectElement} */ (
    h(
      'select',
      null,
      h('option', { value: 'platform-key' }, 'platform key (your servers)'),
      h('option', { value: 'client-key' }, 'client key (your apps and pages)'),
    )
  )

  /** @param {Record<string, any>} key */
  function tellSecret(key) {
    const secret = h('code', { class: 'secret' }, key.secret)
    secretPlace.replaceChildren(
      h(
        'section',
        { class: 'panel told' },
        h('h3', null, `The new ${key.kind}, told this once`),
        secret,
        h(
          'div',
          { class: 'actions' },
          button('Copy', () => page.attempt(() => navigator.clipboard.writeText(key.secret))),
          button('Hide', () => secretPlace.replaceChildren()),
        ),
      ),
    )
  }

  async function refresh() {
    const { data } = await api.get('/admin/app/keys')
    if (!page.isShown()) return
    const rows = data.map((/** @type {Record<string, any>} */ key) => {
      const about = `${key.kind} ${key.prefix || key.id.slice(0, 8)}`
      const isOver = key.state === 'revoked' || key.state === 'expired'
      return [
        h('code', null, key.prefix ? `${key.prefix}…` : '(chosen by hand)'),
        key.kind,
        h('span', { class: `state ${key.state}` }, key.state),
        time(key.createdAt),
        time(key.revokedAt ?? key.expiresAt),
        time(key.lastUsedAt),
        !isOver &&
          h(
            'div',
            { class: 'row' },
            button('Rotate', () => rotate(key.id, about), { about }),
            button('Revoke', () => revoke(key.id, about), { about, danger: true }),
          ),
      ]
    })
    list.replaceChildren(
      table(
        'Keys',
        ['Begins with', 'Kind', 'State', 'Made', 'Ends', 'Last used', 'Actions'],
        rows,
        'There are no keys.',
      ),
    )
  }

  /**
   * @param {string} id
   * @param {string} about
   */
  async function rotate(id, about) {
    if (
      !(await page.isSure(
        `Make a new key in the place of ${about}? The old one stays good for a day.`,
        'Rotate',
      ))
    )
      return
    await page.attempt(async () => {
      tellSecret(await api.post(`/admin/app/keys/${segment(id)}/rotate`, {}))
      await refresh()
      page.say('Rotated. The old key is good for a day more.')
    })
  }

  /**
   * @param {string} id
   * @param {string} about
   */
  async function revoke(id, about) {
    if (!(await page.isSure(`Revoke ${about} now? Whoever still uses it is refused at once.`, 'Revoke')))
      return
    await page.attempt(async () => {
      await api.remove(`/admin/app/keys/${segment(id)}`)
      await refresh()
      page.say('Revoked.')
    })
  }

  const make = () =>
    page.attempt(async () => {
      tellSecret(await api.post('/admin/app/keys', { kind: kind.value }))
      await refresh()
    })

  place.append(
    h('h2', null, 'Keys'),
    h(
      'form',
      {
        class: 'bar',
        onsubmit: (event) => {
          event.preventDefault()
          void make()
        },
      },
      field('Kind', kind),
      h('button', { class: 'primary' }, 'Make a key'),
    ),
    secretPlace,
    list,
  )
  await refresh()
}

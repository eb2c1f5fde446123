/** @import { Page } from './console.js' */
import { segment } from './api.js'
import { h } from './element.js'
import { button, field, table, time } from './parts.js'
import { tokensOf } from './tokens.js'

const PAGE = 50

/** What a regular expression would take for more than a letter. */
const literally = (/** @type {string} */ text) => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')

/** @param {Page} page */
export async function showUsers(page) {
  const { api, place } = page
  let skip = 0
  const words = /** @type {HTMLInputElement} */ (h('input', { type: 'search', spellcheck: 'false' }))
  const list = h('div', { class: 'list' })
  const detail = h('div', { 'aria-live': 'polite' })

  async function refresh() {
    const query = new URLSearchParams({ limit: String(PAGE), skip: String(skip) })
    const text = words.value.trim()
    if (text !== '') {
      const like = { $regex: literally(text), $options: 'i' }
      query.set('q', JSON.stringify({ $or: [{ _id: like }, { nickname: like }] }))
    }
    const { totalCount, data } = await api.get(`/admin/clients?${query}`)
    if (!page.isShown()) return
    const rows = data.map((/** @type {Record<string, any>} */ user) => {
      const isOut = user.disabledAt !== null
      return [
        user._id,
        user.nickname ?? '–',
        time(user.lastLoginTime),
        h('span', { class: `state ${isOut ? 'revoked' : 'live'}` }, isOut ? 'shut out' : 'may come in'),
        h(
          'div',
          { class: 'row' },
          button('Tokens', () => page.attempt(() => tokensOf(page, detail, user._id)), {
            about: `of ${user._id}`,
          }),
          h(
            'a',
            {
              class: 'button',
              href: `#sockets/${segment(user._id)}`,
              'aria-label': `Sockets of ${user._id}`,
            },
            'Sockets',
          ),
          isOut
            ? button('Enable', () => change(user._id, 'enable'), { about: user._id })
            : button('Disable', () => change(user._id, 'disable'), { about: user._id, danger: true }),
        ),
      ]
    })
    const last = Math.min(skip + PAGE, totalCount)
    list.replaceChildren(
      table('Users', ['Id', 'Nickname', 'Last here', 'State', 'Actions'], rows, 'No user fits.'),
      h(
        'div',
        { class: 'pages' },
        h('span', { class: 'hint' }, totalCount === 0 ? '' : `${skip + 1} to ${last} of ${totalCount}`),
        skip > 0 && button('Before', () => turnTo(skip - PAGE)),
        last < totalCount && button('Next', () => turnTo(skip + PAGE)),
      ),
    )
  }

  /** @param {number} next */
  function turnTo(next) {
    skip = Math.max(0, next)
    return page.attempt(refresh)
  }

  /**
   * @param {string} id
   * @param {'enable' | 'disable'} what
   */
  async function change(id, what) {
    const question = `Shut ${id} out? Live sockets close, and no token is good until the user is enabled again.`
    if (what === 'disable' && !(await page.isSure(question, 'Disable'))) return
    await page.attempt(async () => {
      await api.post(`/admin/clients/${segment(id)}/${what}`)
      await refresh()
      page.say(what === 'disable' ? `${id} is shut out.` : `${id} may come in again.`)
    })
  }

  place.append(
    h('h2', null, 'Users'),
    h(
      'form',
      {
        class: 'bar',
        role: 'search',
        onsubmit: (event) => {
          event.preventDefault()
          void turnTo(0)
        },
      },
      field('Id or nickname', words),
      h('button', { class: 'primary' }, 'Search'),
    ),
    list,
    detail,
  )
  await refresh()
}

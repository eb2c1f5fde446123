/** @import { Page } from './console.js' */
import { segment } from './api.js'
import { h } from './element.js'
import { button, table, time } from './parts.js'

/**
 * @param {Page} page
 * @param {HTMLElement} place
 * @param {string} userId
 */
export async function tokensOf(page, place, userId) {
  const { api } = page
  const path = `/admin/clients/${segment(userId)}/token`
  const told = h('div', { class: 'list' })

  async function refresh() {
    const { totalCount, data } = await api.get(`/auths/tokens?${new URLSearchParams({ client: userId })}`)
    const rows = data.map((/** @type {Record<string, any>} */ token) => [
      h('code', null, `${token.id.slice(0, 8)}…`),
      time(token.createdAt),
      time(token.expirationDate),
      button('Revoke', () => revoke({ token: token.token }, 'this token'), {
        about: `token ${token.id.slice(0, 8)}`,
        danger: true,
      }),
    ])
    place.replaceChildren(
      h(
        'section',
        { class: 'panel' },
        h('h3', { tabindex: '-1' }, `Tokens of ${userId}`),
        told,
        table('Tokens', ['Credential', 'Made', 'Ends', 'Actions'], rows, 'No token is good.'),
        h(
          'div',
          { class: 'actions' },
          h('span', { class: 'hint' }, totalCount > data.length ? `${data.length} of ${totalCount}` : ''),
          button('Issue a token', issue),
          totalCount > 0 &&
            button('Revoke all', () => revoke({}, `all tokens of ${userId}`), { danger: true }),
        ),
      ),
    )
  }

  const issue = () =>
    page.attempt(async () => {
      const { token } = await api.post('/admin/clients', { _id: userId, issueAccessToken: true })
      told.replaceChildren(
        h('p', { class: 'hint' }, 'The new token, told this once:'),
        h('code', { class: 'secret' }, token),
      )
      await refresh()
      page.say(`A token was issued to ${userId}.`)
    })

  /**
   * @param {Record<string, string>} which
   * @param {string} what
   */
  async function revoke(which, what) {
    if (!(await page.isSure(`Revoke ${what}? Sockets that live by it close at once.`, 'Revoke'))) return
    await page.attempt(async () => {
      await api.remove(path, which)
      told.replaceChildren()
      await refresh()
      page.say('Revoked.')
    })
  }

  await refresh()
  place.querySelector('h3')?.focus()
}

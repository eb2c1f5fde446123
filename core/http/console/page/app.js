/** @import { Page } from './console.js' */
import { h } from './element.js'
import { field, time } from './parts.js'

const lines = (/** @type {string} */ text) => text.split(/\s+/).filter((line) => line !== '')

/** @param {Page} page */
export async function showApp(page) {
  const { api, place } = page
  const [{ app, createdAt, settings }, { count }] = await Promise.all([
    api.get('/admin/app'),
    api.get('/admin/connection-count'),
  ])
  const area = (/** @type {string[]} */ values) =>
    /** @type {HTMLTextAreaElement} */ (h('textarea', { rows: '3', spellcheck: 'false' }, values.join('\n')))
  const origins = area(settings.origins)
  const sources = area(settings.platformSources)
  const webhook = /** @type {HTMLInputElement} */ (
    h('input', { type: 'url', value: settings.webhookUrl ?? '', placeholder: 'https://' })
  )
  const browsers = /** @type {HTMLInputElement} */ (
    h('input', { type: 'checkbox', checked: settings.allowPlatformKeyFromBrowser })
  )

  const save = () =>
    page.attempt(async () => {
      const sent = {
        origins: lines(origins.value),
        platformSources: lines(sources.value),
        allowPlatformKeyFromBrowser: browsers.checked,
        // What is shown of it leaves its query out, which must not be lost by saving.
        ...(webhook.value !== (settings.webhookUrl ?? '') && { webhookUrl: webhook.value || null }),
      }
      await api.put('/admin/app/settings', sent)
      await refresh()
      page.say('The settings are saved, and in force on every gateway.')
    })
  const refresh = async () => {
    place.replaceChildren()
    await showApp(page)
  }

  place.append(
    h('h2', null, 'App'),
    h(
      'dl',
      { class: 'facts' },
      h('div', null, h('dt', null, 'Id'), h('dd', null, app)),
      h('div', null, h('dt', null, 'Made'), h('dd', null, time(createdAt))),
      h('div', null, h('dt', null, 'Live sockets'), h('dd', null, String(count))),
    ),
    h(
      'form',
      {
        class: 'panel',
        onsubmit: (event) => {
          event.preventDefault()
          void save()
        },
      },
      h('h3', null, 'Settings'),
      field('Origins that browsers may come from, one a line; * = any', origins),
      field('Addresses that may use platform keys, one a line; none = any', sources),
      field('Webhook of the app', webhook),
      h(
        'label',
        { class: 'check' },
        browsers,
        'Allow platform keys from web pages (whoever opens such a page owns the app)',
      ),
      h('div', { class: 'actions' }, h('button', { class: 'primary' }, 'Save')),
    ),
    h(
      'section',
      { class: 'panel' },
      h('h3', null, 'Authentication of your own'),
      settings.authentication === null
        ? h('p', { class: 'hint' }, 'None: users come with tokens that are issued or bound here.')
        : h('pre', null, JSON.stringify(settings.authentication, null, 2)),
      h('p', { class: 'hint' }, 'It is changed with the command line: im apps set.'),
    ),
  )
}

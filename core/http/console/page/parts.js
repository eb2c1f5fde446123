/** @import { Child } from './element.js' */
import { h } from './element.js'

/**
 * @param {string} caption
 * @param {string[]} names
 * @param {Child[][]} rows
 * @param {string} none
 */
export function table(caption, names, rows, none) {
  if (rows.length === 0) return h('p', { class: 'hint' }, none)
  return h(
    'div',
    { class: 'scroll' },
    h(
      'table',
      null,
      h('caption', { class: 'unseen' }, caption),
      h('thead', null, h('tr', null, ...names.map((name) => h('th', { scope: 'col' }, name)))),
      h(
        'tbody',
        null,
        ...rows.map((cells) =>
          h(
            'tr',
            null,
            ...cells.map((cell, i) =>
              i === 0
                ? h('th', { scope: 'row', 'data-label': names[i] }, cell)
                : h('td', { 'data-label': names[i] }, cell),
            ),
          ),
        ),
      ),
    ),
  )
}

/** @param {string | null | undefined} iso */
export function time(iso) {
  if (!iso) return '–'
  const at = new Date(iso)
  return h(
    'time',
    { datetime: iso, title: iso },
    at.toLocaleString('en-GB', { dateStyle: 'short', timeStyle: 'medium' }),
  )
}

/**
 * @param {string} label
 * @param {(event: Event) => unknown} onclick
 * @param {{ about?: string, danger?: boolean, key?: string }} [more] `key`: by which it is found again
 */
export const button = (label, onclick, { about, danger, key } = {}) =>
  h(
    'button',
    {
      type: 'button',
      onclick,
      class: danger ? 'danger' : undefined,
      'data-key': key,
      'aria-label': about && `${label} ${about}`,
    },
    label,
  )

/**
 * @param {string} label
 * @param {HTMLElement} control
 */
export const field = (label, control) => h('label', { class: 'field' }, h('span', null, label), control)

import { h } from './element.js'

/**
 * Makes a container show these items in this order, keeping the elements (and so focus, scroll position and what
 * a screen reader has read) of the items that were there before. `update` brings a kept one up to date.
 */
export function showKeyed(container, items, { keyOf, create, update }) {
  const before = new Map([...container.children].map((child) => [child.dataset.key, child]))
  let place = container.firstElementChild
  for (const item of items) {
    const key = keyOf(item)
    let element = before.get(key)
    if (element === undefined) {
      element = create(item)
      element.dataset.key = key
    }
    before.delete(key)
    update(element, item)
    if (element === place) place = place.nextElementSibling
    else container.insertBefore(element, place)
  }
  for (const gone of before.values()) gone.remove()
}

const ICONS = {
  back: 'M15 5l-7 7 7 7',
  plus: 'M12 5v14M5 12h14',
  send: 'M5 12l15-7-5 15-3.5-6.5z',
  reply: 'M9 7l-5 5 5 5M4 12h9a7 7 0 0 1 7 7',
  unsend: 'M5 7h14M10 7V5h4v2M7 7l1 12h8l1-12',
  close: 'M6 6l12 12M18 6L6 18',
  leave: 'M14 4h5v16h-5M10 8l-4 4 4 4M6 12h9',
  down: 'M12 5v14M6 13l6 6 6-6',
}

export function icon(name) {
  const svg = document.createElementNS('http://www.w3.org/2000/svg', 'svg')
  svg.setAttribute('viewBox', '0 0 24 24')
  svg.setAttribute('aria-hidden', 'true')
  const path = document.createElementNS('http://www.w3.org/2000/svg', 'path')
  path.setAttribute('d', ICONS[name])
  svg.append(path)
  return svg
}

/** A picture, or the first letter of the name where there is none (or it does not load). */
export function avatar(name, url, size = '') {
  const letter = h('span', { class: `avatar letter ${size}`, 'aria-hidden': 'true' }, [...name][0] ?? '?')
  if (!url || !/^(data:image\/|https:|\/)/.test(url)) return letter
  const image = h('img', { class: `avatar ${size}`, src: url, alt: '' })
  image.addEventListener('error', () => image.replaceWith(letter))
  return image
}

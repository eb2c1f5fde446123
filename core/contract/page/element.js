/** @typedef {Node | string | false | null | undefined} Child */

/**
 * The only way elements are made here: text stays text, so nothing that a user wrote becomes markup.
 * @param {string} tag
 * @param {Record<string, string | boolean | null | undefined | ((event: Event) => unknown)> | null} attributes
 * @param {...(Child | Child[])} children
 */
export function h(tag, attributes, ...children) {
  const element = document.createElement(tag)
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (typeof value === 'function') element.addEventListener(name.slice(2), value)
    else if (value === true) element.setAttribute(name, '')
    else if (typeof value === 'string') element.setAttribute(name, value)
  }
  for (const child of children.flat())
    if (child !== undefined && child !== null && child !== false) element.append(child)
  return element
}

/**
 * @template {HTMLElement} [T=HTMLElement]
 * @param {string} id
 * @returns {T}
 */
export function byId(id) {
  const element = document.getElementById(id)
  if (element === null) throw new Error(`the page has no #${id}`)
  return /** @type {T} */ (element)
}

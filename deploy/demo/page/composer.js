import { h } from './element.js'
import { quote } from './message.js'
import { icon } from './parts.js'

/** The indicator lives six seconds at the other end. */
const TYPING_EVERY_MS = 3_000
const MAX_LENGTH = 4_000

/** Enter sends, Shift+Enter breaks the line, Escape drops the reply. */
export function composer({ onSend, onTyping }) {
  let reply
  let typedAtMs = 0
  const field = h('textarea', {
    rows: '1',
    placeholder: 'Message',
    'aria-label': 'Message',
    maxlength: String(MAX_LENGTH),
    enterkeyhint: 'send',
  })
  const send = h(
    'button',
    { class: 'icon send', type: 'submit', 'aria-label': 'Send', disabled: true },
    icon('send'),
  )
  const answered = h('div', { class: 'answered', hidden: true })
  const problem = h('p', { class: 'notice', role: 'alert', hidden: true })

  const fit = () => {
    field.style.height = 'auto'
    field.style.height = `${field.scrollHeight}px`
    send.disabled = field.disabled || field.value.trim() === ''
  }
  const replyTo = (message) => {
    reply = message
    answered.hidden = message === undefined
    if (message === undefined) return answered.replaceChildren()
    answered.replaceChildren(
      quote(message),
      h(
        'button',
        { class: 'icon', type: 'button', 'aria-label': 'Do not reply', onclick: () => replyTo(undefined) },
        icon('close'),
      ),
    )
    field.focus()
  }
  const submit = () => {
    const text = field.value.trim()
    if (text === '' || field.disabled) return
    field.value = ''
    typedAtMs = 0
    problem.hidden = true
    fit()
    onSend(text, reply)
    replyTo(undefined)
    field.focus()
  }

  field.addEventListener('input', () => {
    fit()
    if (field.value.trim() === '' || Date.now() - typedAtMs < TYPING_EVERY_MS) return
    typedAtMs = Date.now()
    onTyping(field.value)
  })
  field.addEventListener('keydown', (event) => {
    if (event.key === 'Escape') replyTo(undefined)
    // While a word is being composed (Chinese, Japanese, …) Enter belongs to the input method.
    if (event.key !== 'Enter' || event.shiftKey || event.isComposing) return
    event.preventDefault()
    submit()
  })

  const element = h('form', { class: 'composer' }, problem, answered, h('div', { class: 'row' }, field, send))
  element.addEventListener('submit', (event) => {
    event.preventDefault()
    submit()
  })
  return {
    element,
    replyTo,
    focus: () => field.focus(),
    enable: (open) => {
      field.disabled = !open
      field.placeholder = open ? 'Message' : 'This chat is closed'
    },
    say: (text) => {
      problem.textContent = text
      problem.hidden = false
    },
  }
}

import { customerServer } from './api.js'
import { h } from './element.js'
import { avatar, icon } from './parts.js'

/** One person makes a direct chat, more make a group. */
export function newChatDialog({ me, chat, onOpened }) {
  const people = h('fieldset', { class: 'choices' }, h('legend', null, 'With whom?'))
  const name = h('input', {
    type: 'text',
    name: 'name',
    maxlength: '80',
    placeholder: 'Name of the group',
    'aria-label': 'Name of the group',
    hidden: true,
    autocomplete: 'off',
  })
  const problem = h('p', { class: 'notice', role: 'alert', hidden: true })
  const start = h('button', { class: 'primary', type: 'submit', disabled: true }, 'Start chat')
  const form = h('form', { method: 'dialog' }, people, name, problem, start)
  const dialog = h(
    'dialog',
    { class: 'new-chat', 'aria-label': 'New chat' },
    h(
      'header',
      null,
      h('h2', { class: 'title' }, 'New chat'),
      h(
        'button',
        { class: 'icon', type: 'button', 'aria-label': 'Close', onclick: () => dialog.close() },
        icon('close'),
      ),
    ),
    form,
  )

  const chosen = () => [...people.querySelectorAll('input:checked')]
  const say = (text) => {
    problem.textContent = text
    problem.hidden = text === ''
  }
  people.addEventListener('change', () => {
    const count = chosen().length
    name.hidden = count < 2
    start.disabled = count === 0
    start.textContent = count < 2 ? 'Start chat' : `Start group of ${count + 1}`
  })
  form.addEventListener('submit', async (event) => {
    event.preventDefault()
    const ids = chosen().map((input) => input.value)
    if (ids.length === 0) return
    start.disabled = true
    say('')
    try {
      const roomId =
        ids.length === 1 ? await chat.openDirect(ids[0]) : await chat.openGroup(name.value.trim(), ids)
      dialog.close()
      onOpened(roomId)
    } catch (error) {
      say(error.message)
      start.disabled = false
    }
  })
  dialog.addEventListener('close', () => dialog.remove())
  // A press on the backdrop lands on the dialog itself.
  dialog.addEventListener('click', (event) => event.target === dialog && dialog.close())

  const choice = (user) =>
    h(
      'label',
      { class: 'choice' },
      avatar(user.nickname, user.avatarUrl),
      h('span', { class: 'name' }, user.nickname),
      h('input', { type: 'checkbox', value: user.id }),
    )
  const load = async () => {
    try {
      const users = await customerServer.users()
      people.append(...users.filter((user) => user.id !== me.id).map(choice))
      people.querySelector('input')?.focus()
    } catch (error) {
      say(error.message)
    }
  }
  document.body.append(dialog)
  dialog.showModal()
  void load()
}

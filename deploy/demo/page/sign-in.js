import { customerServer } from './api.js'
import { h } from './element.js'
import { avatar } from './parts.js'

/** `onSignedIn` gets the session that the customer's server gave: user, token, client key. */
export function signInView({ notice, onSignedIn }) {
  const problem = h('p', { class: 'notice', role: 'alert', hidden: !notice }, notice ?? '')
  const people = h('div', { class: 'people' })

  const say = (text) => {
    problem.textContent = text
    problem.hidden = text === ''
  }

  const choose = async (user, button) => {
    say('')
    for (const other of people.children) other.disabled = true
    button.classList.add('busy')
    try {
      onSignedIn(await customerServer.signIn(user.id))
    } catch (error) {
      say(`${error.message} Try again.`)
      for (const other of people.children) other.disabled = false
      button.classList.remove('busy')
    }
  }

  const person = (user) => {
    const button = h(
      'button',
      { type: 'button', class: 'person', onclick: () => choose(user, button) },
      avatar(user.nickname, user.avatarUrl, 'large'),
      h('span', { class: 'name' }, user.nickname),
    )
    return button
  }

  const load = async () => {
    try {
      people.replaceChildren(...(await customerServer.users()).map(person))
    } catch (error) {
      say(error.message)
      people.replaceChildren(h('button', { type: 'button', class: 'plain', onclick: load }, 'Try again'))
    }
  }
  void load()

  return h(
    'main',
    { class: 'sign-in' },
    h(
      'section',
      { class: 'card' },
      h('img', { class: 'logo', src: 'icon.svg', alt: '' }),
      h('h1', null, 'Who are you today?'),
      h(
        'p',
        { class: 'hint' },
        'Choose a person here, and another one in a second window. Then talk to yourself.',
      ),
      problem,
      people,
    ),
    h(
      'p',
      { class: 'small-print' },
      'Your token is bound by a demo of a customer’s server. The chat itself runs behind the gateway.',
    ),
  )
}

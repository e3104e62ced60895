import { post } from '../api.js'
import { h } from '../dom.js'

/** Only a path of this very host is gone to. */
function nextPath() {
  const next = new URLSearchParams(location.search).get('next') ?? '/'
  return /^\/(?![/\\])/.test(next) ? next : '/'
}

export function page(main) {
  document.title = 'Log in · Gatepost'
  const error = h('p', { class: 'bad', role: 'alert' })
  const submit = async (event) => {
    event.preventDefault()
    error.textContent = ''
    try {
      await post('/api/login', { password: new FormData(event.target).get('password') })
      location.assign(nextPath())
    } catch (problem) {
      error.textContent = problem.message
    }
  }
  const input = h('input', { name: 'password', type: 'password', required: true, autocomplete: 'current-password' })
  main.append(
    h(
      'form',
      { class: 'card login', onsubmit: submit },
      h('h1', null, 'Log in'),
      h('label', { class: 'field' }, 'Password of an operator or a viewer', input),
      h('button', { class: 'main' }, 'Log in'),
      error,
    ),
  )
  input.focus()
}

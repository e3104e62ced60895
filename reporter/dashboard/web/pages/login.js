import { post } from '../api.js'
import { h } from '../dom.js'

/** Only a page of this very origin is gone to. Browsers drop tabs and line feeds from addresses, so their text says too little. */
function nextPath() {
  const next = new URLSearchParams(location.search).get('next') ?? '/'
  if (!URL.canParse(next, location.origin)) return '/'
  const { origin, href } = new URL(next, location.origin)
  // Whole: a path may begin with two slashes, which name a host.
  return origin === location.origin ? href : '/'
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

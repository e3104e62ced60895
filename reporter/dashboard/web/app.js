import { get, post } from './api.js'
import { h, nothing } from './dom.js'

/* Every page is one document; which one it is stands in its address. */

const PAGES = [
  ['', 'Overview'],
  ['usage', 'Usage'],
  ['sites', 'Sites'],
  ['logins', 'Logins'],
  ['gateways', 'Gateways'],
  ['sessions', 'Sessions'],
  ['vouchers', 'Vouchers'],
  ['data-health', 'Data health'],
  ['forget', 'Forget'],
]

const main = document.getElementById('main')
const [, name = '', id, ...more] = location.pathname.split('/')
/** Only a session has a page below another one. */
const exists =
  PAGES.some(([path]) => path === name) && more.length === 0 && (id === undefined || (name === 'sessions' && id !== ''))

function navigation() {
  const links = PAGES.map(([path, title]) =>
    h('a', { href: `/${path}`, 'aria-current': path === name ? 'page' : undefined }, title),
  )
  document.getElementById('nav').append(...links)
}

function whoami({ who, version }) {
  const out = h(
    'button',
    { type: 'button', onclick: () => post('/api/logout', {}).then(() => location.assign('/login')) },
    'Log out',
  )
  const role = h('span', { title: `Gatepost ${version}` }, who === 'local' ? 'this machine' : who)
  document.getElementById('who').append(role, ...(who === 'local' ? [] : [out]))
}

async function show() {
  if (name === 'login') {
    const { page } = await import('./pages/login.js')
    return page(main)
  }
  navigation()
  const me = await get('/api/whoami')
  whoami(me)
  if (!exists) {
    document.title = 'No such page · Gatepost'
    main.append(
      h('h1', null, 'No such page'),
      nothing(`There is nothing at ${location.pathname}. The pages are named above.`),
    )
    return
  }
  const title = PAGES.find(([path]) => path === name)?.[1] ?? 'Gatepost'
  document.title = `${title} · Gatepost`
  const file = name === '' ? 'overview' : name === 'sessions' && id !== undefined ? 'session' : name
  const { page } = await import(`./pages/${file}.js`)
  await page(main, { parameters: new URLSearchParams(location.search), id: id && decodeURIComponent(id), me })
}

show()
  .catch((error) =>
    main.append(
      h(
        'section',
        { class: 'card problem', role: 'alert' },
        h('h2', null, 'This page cannot be shown'),
        h('p', null, error.message),
      ),
    ),
  )
  .finally(() => document.body.setAttribute('data-shown', ''))

import { get, query } from '../api.js'
import { bars } from '../chart.js'
import { card, field, h, nothing, pageAsked, pages, search, table } from '../dom.js'
import { listeners, number, percent, shown, time } from '../words.js'

/** As the API has it. */
const PAGE_SIZE = 100
const TIMES = [
  ['24', 'last 24 hours'],
  ['168', 'last 7 days'],
  ['720', 'last 30 days'],
]

export async function page(main, { parameters, me }) {
  const hours = parameters.get('hours') ?? '24'
  main.append(
    h('h1', null, 'Sites'),
    search('Time', field('Time', 'hours', hours, TIMES), h('button', { class: 'main' }, 'Show')),
  )
  const part = pageAsked(parameters, PAGE_SIZE)
  const { sites, total } = await get(`/api/sites?${query({ hours, page: part.number })}`)
  if (sites.length === 0) {
    main.append(
      nothing(
        'No site has reported a login in this time. A RADIUS server reports one like this:',
        `curl -i ${listeners(me).ingest}/logging/post-auth \\\n  -d '{"username":"alice","authentication_result":"Access-Accept","site_ip_address":"192.0.2.1"}'`,
      ),
    )
    return
  }
  main.append(
    h(
      'p',
      { class: 'quiet' },
      h('span', { class: 'good' }, '■'),
      ' accepted ',
      h('span', { class: 'bad' }, '■'),
      ` refused; each to its own scale, ${TIMES.find(([key]) => key === hours)[1]}`,
    ),
    h('div', { class: 'grid' }, sites.slice(0, 12).map(multiple)),
    card(sitesTable(sites, part, total), pages(part.number, PAGE_SIZE, total) ?? ''),
  )
}

const nameOf = ({ name, site_ip }) => name || site_ip || '(no address)'
const loginsOf = ({ site_ip }, more) => `/logins?${query({ site: site_ip, ...more })}`

function multiple(site) {
  const { accepted, refused, steps } = site
  return card(
    h('h2', null, h('a', { href: loginsOf(site) }, nameOf(site))),
    bars(steps, `Logins at ${nameOf(site)}: ${accepted} accepted, ${refused} refused`),
    h(
      'div',
      { class: 'quiet' },
      `${number(accepted + refused)} logins, ${percent(refused, accepted + refused)} refused`,
    ),
  )
}

function sitesTable(sites, { first }, total) {
  return table(
    `${shown(first, sites.length, total)} ${total === 1 ? 'site' : 'sites'}, the busiest first`,
    [
      ['site', (site) => h('a', { href: loginsOf(site) }, nameOf(site))],
      ['address', ({ site_ip }) => h('span', { class: 'mono' }, site_ip)],
      ['accepted', ({ accepted }) => number(accepted), 'number'],
      ['refused', (site) => h('a', { href: loginsOf(site, { failed: 1 }) }, number(site.refused)), 'number'],
      ['refused %', ({ accepted, refused }) => percent(refused, accepted + refused), 'number'],
      ['users', ({ users }) => number(users), 'number'],
      [
        'why refused',
        ({ reasons }) => reasons.map(({ reply, logins }) => `${reply} (${number(logins)})`).join(', ') || '–',
        'text',
      ],
      ['latest', ({ latest }) => time(latest)],
    ],
    sites,
  )
}

import { get, query } from '../api.js'
import { strip } from '../chart.js'
import { card, field, h, nothing, pageAsked, pages, search, table } from '../dom.js'
import { live } from '../live.js'
import { ago, bytes, duration, listeners, number, shown } from '../words.js'

/** As the API has it. */
const PAGE_SIZE = 200
const CLASSES = { up: 'good', late: 'warn', down: 'bad' }

export async function page(main, { parameters, me }) {
  const asked = { state: parameters.get('state'), search: parameters.get('search'), page: parameters.get('page') }
  const part = pageAsked(parameters, PAGE_SIZE)
  const isSearch = Boolean(asked.state || asked.search)
  const box = h('div', { 'data-live': true })
  main.append(
    h('h1', null, 'Gateways'),
    search(
      'Gateways',
      field('Name, id or address', 'search', asked.search),
      field('State', 'state', asked.state ?? '', [['', 'any'], 'up', 'late', 'down']),
      h('button', { class: 'main' }, 'Show'),
    ),
    box,
  )
  await live(async () => {
    const { gateways, total } = await get(`/api/gateways?${query(asked)}`)
    if (total > 0)
      box.replaceChildren(card(gatewaysTable(gateways, part, total), pages(part.number, PAGE_SIZE, total) ?? ''))
    else if (isSearch) box.replaceChildren(nothing('No gateway is like this.'))
    else
      box.replaceChildren(
        nothing(
          'No gateway has sent a heartbeat yet. One looks like this:',
          `curl '${listeners(me).gateway}/ping/?gw_id=hall&sys_uptime=742725&sys_memfree=2604&sys_load=0.03&wifidog_uptime=3861'`,
        ),
      )
  }, 10_000)
}

function gatewaysTable(gateways, { first }, total) {
  return table(
    `${shown(first, gateways.length, total)} ${total === 1 ? 'gateway' : 'gateways'}, those that are down first`,
    [
      [
        'state',
        ({ state, warning, addresses }) =>
          h(
            'span',
            null,
            h('span', { class: `state ${CLASSES[state]}` }, state),
            warning === 'same_id'
              ? h('span', { class: 'state warn', title: `From ${addresses.join(', ')}` }, 'several with this id')
              : null,
          ),
      ],
      [
        'gateway',
        ({ gw_id, name }) =>
          h(
            'span',
            null,
            name === '' ? null : `${name} `,
            h('span', { class: name === '' ? 'mono' : 'mono quiet' }, gw_id),
          ),
      ],
      [
        'last heartbeat',
        ({ last_seen }) =>
          h('time', { datetime: `${last_seen.replace(' ', 'T')}Z`, title: `${last_seen} UTC` }, ago(last_seen)),
      ],
      [
        'last 24 hours',
        ({ gw_id, strip: shares }) =>
          strip(
            shares,
            `Heartbeats of ${gw_id}: ${shares.filter((share) => share >= 0.9).length} of 24 hours complete`,
          ),
      ],
      [
        'clients',
        ({ gw_id, clients }) => h('a', { href: `/sessions?${query({ gateway: gw_id, active: 1 })}` }, number(clients)),
        'number',
      ],
      ['load', ({ sys_load }) => sys_load?.toFixed(2) ?? '–', 'number'],
      ['free memory', ({ sys_memfree }) => (sys_memfree === null ? '–' : bytes(sys_memfree * 1024)), 'number'],
      ['up for', ({ sys_uptime }) => (sys_uptime === null ? '–' : duration(sys_uptime)), 'number'],
      ['restarts', ({ restarts }) => number(restarts), 'number'],
      ['address', ({ remote_ip }) => h('span', { class: 'mono' }, remote_ip)],
    ],
    gateways,
  )
}

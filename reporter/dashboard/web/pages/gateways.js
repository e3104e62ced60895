import { get, query } from '../api.js'
import { strip } from '../chart.js'
import { card, field, h, nothing, search, table } from '../dom.js'
import { live } from '../live.js'
import { ago, bytes, duration, number } from '../words.js'

const CLASSES = { up: 'good', late: 'warn', down: 'bad' }

export async function page(main, { parameters }) {
  const asked = { state: parameters.get('state'), search: parameters.get('search') }
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
    if (total > 0) box.replaceChildren(card(gatewaysTable(gateways, total)))
    else
      box.replaceChildren(
        nothing(
          'No gateway like this has sent a heartbeat. One looks like this:',
          `curl 'http://127.0.0.1:8000/ping/?gw_id=hall&sys_uptime=742725&sys_memfree=2604&sys_load=0.03&wifidog_uptime=3861'`,
        ),
      )
  }, 10_000)
}

function gatewaysTable(gateways, total) {
  return table(
    `${number(total)} gateways, those that are down first${total > gateways.length ? ` (${gateways.length} shown)` : ''}`,
    [
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

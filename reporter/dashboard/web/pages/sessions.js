import { getPage, query } from '../api.js'
import { card, field, h, nothing, pageAsked, pages, search, table, tick } from '../dom.js'
import { bytes, listeners, shown, time } from '../words.js'

/** As the API has it. */
const PAGE_SIZE = 100

export const stateClass = (state) =>
  ['active', 'validating'].includes(state) ? 'good' : state === 'denied' ? 'bad' : 'quiet'

export async function page(main, { parameters, me }) {
  const asked = Object.fromEntries(['mac', 'account', 'gateway', 'active'].map((name) => [name, parameters.get(name)]))
  main.append(
    h('h1', null, 'Sessions'),
    search(
      'Sessions',
      field('Device (MAC)', 'mac', asked.mac),
      field('Account', 'account', asked.account),
      field('Gateway or NAS', 'gateway', asked.gateway),
      tick('only those online', 'active', asked.active === '1'),
      h('button', { class: 'main' }, 'Search'),
    ),
    h('p', { class: 'quiet' }, 'Every look at sessions is recorded in the audit log.'),
  )
  const part = pageAsked(parameters, PAGE_SIZE)
  const { rows: sessions, total } = await getPage(`/api/sessions?${query({ ...asked, page: part.number })}`)
  if (total === 0) {
    if (Object.values(asked).some(Boolean)) {
      main.append(nothing('No session is like this.'))
      return
    }
    main.append(
      nothing(
        'There is no session yet. A gateway reports one with its first request for a client; it sends browsers here to log in:',
        `curl '${listeners(me).gateway}/login/?gw_id=hall&gw_address=192.168.1.1&gw_port=2060&url=http://example.org'`,
      ),
    )
    return
  }
  main.append(card(sessionsTable(sessions, part, total), pages(part.number, PAGE_SIZE, total) ?? ''))
}

function sessionsTable(sessions, { first }, total) {
  return table(
    `${shown(first, sessions.length, total)} ${total === 1 ? 'session' : 'sessions'}, those that were seen last first`,
    [
      ['state', ({ state, end_reason }) => h('span', { class: `state ${stateClass(state)}` }, end_reason ?? state)],
      [
        'session',
        ({ session_id, gw_id }) =>
          h(
            'a',
            { class: 'mono', href: `/sessions/${encodeURIComponent(session_id)}?${query({ gateway: gw_id })}` },
            session_id,
          ),
      ],
      ['by', ({ source }) => (source === 'radius' ? 'RADIUS' : 'WiFiDog')],
      ['account', ({ account }) => account || '–'],
      ['device', ({ mac }) => h('span', { class: 'mono' }, mac)],
      ['gateway or NAS', ({ gw_id }) => h('span', { class: 'mono' }, gw_id)],
      ['began', ({ first_seen, issued }) => time(first_seen ?? issued)],
      ['last seen', ({ last_seen }) => time(last_seen)],
      ['to client', ({ incoming }) => bytes(incoming), 'number'],
      ['from client', ({ outgoing }) => bytes(outgoing), 'number'],
    ],
    sessions,
  )
}

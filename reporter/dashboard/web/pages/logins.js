import { get, query } from '../api.js'
import { card, field, h, nothing, pageAsked, pages, search, table, tick } from '../dom.js'
import { bytes, number, shown, time } from '../words.js'

/** As the API has it. */
const PAGE_SIZE = 100
/** More are not counted. */
const MAX_COUNTED = 10_000
const KEYS = [
  ['user', 'User name'],
  ['mac', 'Device (MAC)'],
  ['site', 'Site (address)'],
  ['ap', 'Access point (MAC)'],
  ['building', 'Building'],
  ['cert', 'Certificate serial'],
]
const DAYS = [
  ['1', 'last day'],
  ['7', 'last 7 days'],
  ['', 'all there is'],
]

export async function page(main, { parameters, me }) {
  const given = KEYS.find(([key]) => parameters.get(key))
  const key = h(
    'select',
    { id: 'key' },
    KEYS.map(([name, text]) => h('option', { value: name, selected: name === given?.[0] }, text)),
  )
  const value = h('input', {
    name: given?.[0] ?? 'user',
    value: given ? parameters.get(given[0]) : '',
    autocomplete: 'off',
    spellcheck: 'false',
  })
  key.addEventListener('change', () => value.setAttribute('name', key.value))
  main.append(
    h('h1', null, 'Logins'),
    search(
      'Logins',
      h('label', { class: 'field' }, 'Search for', key),
      h('label', { class: 'field' }, 'which is', value),
      field('Time', 'days', parameters.get('days') ?? '', DAYS),
      tick('only refused', 'failed', parameters.get('failed') === '1'),
      h('button', { class: 'main' }, 'Search'),
    ),
    h('p', { class: 'quiet' }, 'Every search is recorded in the audit log.'),
  )
  if ([...parameters].length === 0) {
    main.append(
      card(
        h('p', null, 'Why can’t this person get on at that site? Search for a user, a device or a site; or '),
        h('a', { href: '/logins?failed=1&days=1' }, 'show who was refused in the last day'),
      ),
    )
    return
  }
  const asked = Object.fromEntries(parameters)
  const size = Number(parameters.get('limit') ?? PAGE_SIZE)
  const part = pageAsked(parameters, size)
  const { logins, total, reasons, reasons_since: since, account, devices } = await get(`/api/logins?${query(asked)}`)
  if (total === 0) {
    const about = given === undefined ? '' : ` of ${given[1].toLowerCase()} ${parameters.get(given[0])}`
    const time = DAYS.find(([days]) => days === (parameters.get('days') ?? ''))
    main.append(
      nothing(
        `There is no ${asked.failed === '1' ? 'refused ' : ''}login${about} in the time searched (${time?.[1] ?? asked.days}).`,
      ),
    )
    return
  }
  const summary = h('div', { class: 'beside' })
  if (account !== null)
    summary.append(
      card(
        h('h2', null, `Account ${account.username}`),
        h(
          'dl',
          null,
          h('dt', null, 'created'),
          h('dd', null, time(account.created_at)),
          h('dt', null, 'last login'),
          h('dd', null, account.last_login === null ? 'never' : time(account.last_login)),
        ),
      ),
    )
  if (reasons.length > 0) summary.append(card(reasonsTable(reasons, since)))
  if (devices.length > 0) summary.append(card(devicesTable(devices)))
  // Pages far back are read whole, so there are no links to more of them than are counted.
  const links = pages(part.number, size, Math.min(total, MAX_COUNTED))
  main.append(summary, card(loginsTable(logins, part, total), links ?? ''))
  const [who] = given ?? []
  if (me.can_forget && (who === 'user' || who === 'mac')) {
    // Behind # it is sent nowhere.
    const handed = query({ [who]: parameters.get(who) })
    main.append(h('p', null, h('a', { href: `/forget#${handed}` }, 'Forget this person …')))
  }
}

const link = (key, value) =>
  value === '' ? '' : h('a', { href: `/logins?${query({ [key]: value })}`, class: 'mono' }, value)

function reasonsTable(reasons, since) {
  return table(
    `Why refused, since ${since.slice(0, 16)} UTC`,
    [
      [
        'reply',
        ({ authentication_reply, authentication_result }) =>
          authentication_reply || `${authentication_result}, no reply`,
        'text',
      ],
      ['logins', ({ logins }) => number(logins), 'number'],
      ['latest', ({ latest }) => time(latest)],
    ],
    reasons,
  )
}

function devicesTable(devices) {
  return table(
    'Devices',
    [
      ['MAC', ({ mac }) => link('mac', mac)],
      ['accepted, refused', ({ successes, failures }) => `${number(successes)}, ${number(failures)}`],
      ['latest', ({ latest }) => time(latest)],
    ],
    devices,
  )
}

/** What became of a login. */
function became(session) {
  if (session === null) return ''
  const { session_id: id, gw_id, state, end_reason, ended, incoming, outgoing } = session
  return h(
    'span',
    null,
    h('a', { href: `/sessions/${encodeURIComponent(id)}?${query({ gateway: gw_id })}` }, end_reason ?? state),
    ended === null ? '' : [' ', time(ended)],
    h('div', { class: 'quiet' }, `${bytes(incoming)} to, ${bytes(outgoing)} from the device`),
  )
}

function loginsTable(logins, { first }, total) {
  const all = total > MAX_COUNTED ? `more than ${number(MAX_COUNTED)}` : number(total)
  return table(
    `${shown(first, logins.length, total, all)} ${total === 1 ? 'login' : 'logins'}, the newest first`,
    [
      ['received at', ({ received_at }) => time(received_at)],
      [
        'result',
        ({ success, authentication_result }) =>
          h(
            'span',
            { class: `state ${success === 1 ? 'good' : 'bad'}` },
            success === 1 ? 'accepted' : authentication_result,
          ),
      ],
      ['reply', ({ authentication_reply }) => authentication_reply || '–', 'text'],
      ['who', ({ username, ssl_username, cert_name }) => link('user', username || ssl_username) || cert_name],
      ['device', ({ mac }) => link('mac', mac)],
      ['site', ({ site_ip }) => link('site', site_ip)],
      ['access point', ({ ap, building_identifier }) => link('ap', ap) || link('building', building_identifier)],
      ['network', ({ ssid }) => ssid],
      ['method', ({ auth_method }) => auth_method],
      ['NAS', ({ nas_identifier, nas_ip }) => nas_identifier || nas_ip],
      [
        'certificate',
        ({ cert_serial, cert_name }) =>
          cert_serial === '' ? '' : h('span', null, link('cert', cert_serial), ` ${cert_name}`),
        'text',
      ],
      ...(logins.some(({ session }) => session !== null) ? [['session', ({ session }) => became(session)]] : []),
    ],
    logins,
  )
}

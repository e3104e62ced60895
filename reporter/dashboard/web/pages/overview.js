import { get } from '../api.js'
import { chart } from '../chart.js'
import { card, h, nothing, table, tile } from '../dom.js'
import { live } from '../live.js'
import { ago, bytes, duration, listeners, number, percent, time } from '../words.js'

const firstLogin = (me) => `curl -i ${listeners(me).ingest}/logging/post-auth \\
  -d '{"username":"alice","authentication_result":"Access-Accept","site_ip_address":"192.0.2.1"}'`

export async function page(main, { me }) {
  const tiles = h('div', { class: 'grid tiles', 'data-live': true })
  const rest = h('div', { 'data-live': true })
  const empty = h('div')
  const series = (logins) => [logins.map(({ accepted }) => accepted), logins.map(({ refused }) => refused)]
  let plot = null
  main.append(h('h1', null, 'Overview'), tiles, empty)
  await live(async () => {
    const found = await get('/api/overview')
    tiles.replaceChildren(...tilesOf(found))
    // The last minute is not over.
    const logins = found.logins.slice(0, -1)
    const times = logins.map(({ at }) => at / 1000)
    const [accepted, refused] = series(logins)
    if (plot === null) {
      plot = chart({
        title: 'Logins per minute',
        times,
        series: [
          { label: 'accepted', values: accepted },
          { label: 'refused', values: refused },
        ],
        stepped: true,
      })
      main.append(card(h('h2', null, 'Logins per minute, the last hour'), plot), rest)
    } else plot.update(times, [accepted, refused])
    rest.replaceChildren(card(intake(found)))
    const isEmpty = found.intake.every(({ latest }) => latest === null)
    empty.replaceChildren(
      ...(isEmpty ? [nothing('Nothing has been reported yet in the last day. Report a login:', firstLogin(me))] : []),
    )
  })
}

function tilesOf({ logins, sessions, gateways, same_id: sameId, intake: tables, lag }) {
  const sum = (name) => logins.reduce((all, minute) => all + minute[name], 0)
  const last = logins[logins.length - 2]
  const [accepted, refused] = [sum('accepted'), sum('refused')]
  const rate = tables.reduce((all, { last_five_minutes }) => all + last_five_minutes, 0) / 300
  const behind = lag === null ? null : Math.max(0, ...lag.map(({ seconds }) => seconds))
  const down = gateways.down > 0 ? h('span', { class: 'bad' }, `${number(gateways.down)} down`) : '0 down'
  return [
    tile('Logins, last minute', number(last.accepted + last.refused), `${number(last.refused)} refused`),
    tile(
      'Accepted, last hour',
      percent(accepted, accepted + refused),
      `${number(accepted)} of ${number(accepted + refused)}`,
    ),
    tile(
      'Active sessions',
      h('a', { href: '/sessions?active=1' }, number(sessions.active + sessions.validating)),
      `${number(sessions.issued)} about to begin`,
    ),
    tile(
      'Gateways up',
      h('a', { href: '/gateways' }, number(gateways.up)),
      h(
        'span',
        null,
        `${number(gateways.late)} late, `,
        down,
        sameId > 0 ? [', ', h('span', { class: 'bad' }, `${number(sameId)} with the id of another`)] : null,
      ),
    ),
    tile('Records per second', number(rate), 'mean of five minutes'),
    tile(
      'Lag of the tables',
      behind === null ? '–' : duration(behind),
      behind === null ? 'another process reads the log' : `${bytes(lag.reduce((all, one) => all + one.bytes, 0))} wait`,
    ),
  ]
}

function intake({ intake: tables, now }) {
  return table(
    'Records received',
    [
      ['table', ({ table: name }) => h('code', null, name)],
      ['records, 5 minutes', ({ last_five_minutes }) => number(last_five_minutes), 'number'],
      ['latest', ({ latest }) => (latest === null ? 'none today' : h('span', null, ago(latest, now)))],
      ['received at', ({ latest }) => time(latest)],
    ],
    tables,
  )
}

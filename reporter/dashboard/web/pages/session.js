import { get, post, query } from '../api.js'
import { chart } from '../chart.js'
import { card, h } from '../dom.js'
import { bytes, duration, instant, number, time } from '../words.js'
import { stateClass } from './sessions.js'

const ANSWERS = {
  0: 'denied',
  1: 'allowed',
  5: 'allowed while it is validated',
  6: 'denied: validation failed',
  '-1': 'error: client left as it was',
}

export async function page(main, { id, parameters, me }) {
  const key = query({ gateway: parameters.get('gateway') })
  const { session, events, truncated } = await get(`/api/sessions/${encodeURIComponent(id)}?${key}`)
  document.title = `Session ${id} · Gatepost`
  main.append(
    h('p', null, h('a', { href: '/sessions' }, '← Sessions')),
    h('h1', null, 'Session ', h('span', { class: 'mono' }, id)),
    h(
      'div',
      { class: 'grid wide' },
      card(
        facts(session),
        session.ended === null && (session.source === 'radius' ? me.can_disconnect : me.can_cut_off)
          ? cutOff(session, key)
          : null,
      ),
      traffic(events),
    ),
    card(
      h('h2', null, 'Its life'),
      truncated ? h('p', { class: 'quiet' }, 'The 500 newest reports; there are older ones.') : null,
      timeline(session, events),
    ),
  )
}

function facts(session) {
  const rows = [
    ['state', h('span', { class: `state ${stateClass(session.state)}` }, session.end_reason ?? session.state)],
    ['account', session.account || '–'],
    ['device', h('a', { href: `/sessions?${query({ mac: session.mac })}`, class: 'mono' }, session.mac)],
    ['address', session.ip || '–'],
    [
      session.source === 'radius' ? 'NAS' : 'gateway',
      h('a', { href: `/gateways?${query({ search: session.gw_id })}`, class: 'mono' }, session.gw_id),
    ],
    ['let in by', session.source === 'radius' ? 'RADIUS' : session.method || 'another system'],
    ['issued', time(session.issued)],
    ['last seen', time(session.last_seen)],
    ['to client', bytes(session.incoming)],
    ['from client', bytes(session.outgoing)],
    ['reports', number(session.reports)],
  ]
  return h(
    'dl',
    null,
    rows.map(([name, value]) => [h('dt', null, name), h('dd', null, value)]),
  )
}

function whenItIsOut(within) {
  if (within === null)
    return 'It is denied. Its gateway has sent no counters for a day, so it may not ask again: the client may stay connected until the gateway’s own check.'
  return `It is denied: the gateway removes the client with its next report, in at most ${duration(within)}; at once over a channel that it keeps open.`
}

/** Asks once more before it does it. */
function cutOff({ session_id: id, source }, key) {
  const said = h('p', { role: 'status' })
  const asked = source === 'radius' ? 'reason' : 'reason, shown to the client'
  const reason = h('input', { name: 'reason', maxlength: 256, 'aria-label': asked, placeholder: asked })
  const act = async () => {
    try {
      const { within_seconds: within } = await post(`/api/sessions/${encodeURIComponent(id)}/cut-off?${key}`, {
        reason: reason.value,
      })
      form.replaceChildren()
      said.textContent = source === 'radius' ? 'It is denied: its NAS is asked to end it.' : whenItIsOut(within)
    } catch (error) {
      said.textContent = error.message
    }
  }
  const ask = () => {
    form.replaceChildren(
      reason,
      h('button', { type: 'button', class: 'danger', onclick: act }, 'Cut off for good'),
      h('button', { type: 'button', onclick: () => form.replaceChildren(first) }, 'Cancel'),
    )
    reason.focus()
  }
  const first = h('button', { type: 'button', class: 'danger', onclick: ask }, 'Cut off …')
  const form = h('p', { class: 'actions' }, first)
  return [form, said]
}

function traffic(events) {
  const counted = events.filter(({ incoming }) => incoming !== null)
  if (counted.length < 2) return null
  return card(
    h('h2', null, 'Bytes since its connection began'),
    chart({
      title: 'Bytes since the connection began',
      times: counted.map(({ received_at }) => instant(received_at) / 1000),
      series: [
        { label: 'to client', values: counted.map(({ incoming }) => incoming) },
        { label: 'from client', values: counted.map(({ outgoing }) => outgoing) },
      ],
      format: bytes,
    }),
  )
}

/** Reports that say the same as the one before them are told of in one line. */
function timeline(session, events) {
  const items = session.issued === null ? [] : [[session.issued, 'The portal issued its token', '', '']]
  for (let index = 0; index < events.length;) {
    const { stage, auth_code, own, received_at, ip, remote_ip, detail } = events[index]
    let next = index
    while (next < events.length && ['counters', 'Interim-Update'].includes(stage) && same(events[next], events[index]))
      next++
    const many = next - index
    const last = events[Math.max(index, next - 1)]
    const answer = auth_code === null ? detail : (ANSWERS[auth_code] ?? `answered ${auth_code}`)
    const what =
      many > 1
        ? `${many} ${auth_code === null ? 'updates' : 'counters reports'} until ${last.received_at.slice(11, 19)}${auth_code === null ? '' : `, each ${answer}`}; the last with ${bytes(last.incoming)} to and ${bytes(last.outgoing)} from the client`
        : answer === ''
          ? stage
          : `${stage}: ${answer}`
    const stranger = own === 1 ? '' : ', not trusted: another client or gateway than the token’s'
    items.push([
      received_at,
      what + stranger,
      `client ${ip || 'unknown'}, from ${remote_ip}`,
      auth_code === 0 || auth_code === 6 ? 'bad' : ['counters', 'Interim-Update'].includes(stage) ? 'quiet' : '',
    ])
    index = Math.max(next, index + 1)
  }
  if (session.ended !== null) items.push([session.ended, `It ended: ${session.end_reason}`, '', 'quiet'])
  if (items.length === 0) return h('p', null, 'No reports of it are stored.')
  return h(
    'ol',
    { class: 'timeline' },
    items.map(([at, what, more, kind]) =>
      h('li', { class: kind }, time(at), h('div', null, what), more === '' ? null : h('div', { class: 'quiet' }, more)),
    ),
  )
}

const same = (a, b) => a.stage === b.stage && a.auth_code === b.auth_code && a.own === b.own && a.ip === b.ip

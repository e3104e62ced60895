import { get, post } from '../api.js'
import { card, h, table } from '../dom.js'
import { live } from '../live.js'
import { ago, bytes, duration, number, time } from '../words.js'

export async function page(main) {
  const box = h('div', { 'data-live': true })
  const me = await get('/api/whoami')
  main.append(h('h1', null, 'Data health'), box)
  await live(async () => {
    const found = await get('/api/data-health')
    // What somebody is reading is not taken away.
    if (box.querySelector('details[open]') === null) box.replaceChildren(...parts(found, me))
  }, 10_000)
}

function parts({ now, lag, refused, intake, dead_letter_reasons: reasons, dead_letters: letters, publications }, me) {
  return [
    h('div', { class: 'grid wide' }, card(lagTable(lag)), card(intakeTable(intake, now))),
    card(
      h('h2', null, 'Dead letters'),
      reasons.length === 0 && letters.length === 0
        ? h('p', null, 'None: all reported records are in their tables.')
        : [reasonsTable(reasons), h('h2', null, 'The newest'), letters.map((each) => letter(each, me))],
    ),
    card(
      publications.length === 0
        ? [
            h('h2', null, 'Publications'),
            h('p', null, 'Nothing has been published yet. To see what would be sent:'),
            h('pre', null, 'gatepost publish daily --to stdout --dry-run'),
          ]
        : publicationsTable(publications),
    ),
    card(refusedTable(refused)),
  ]
}

function lagTable(lag) {
  if (lag === null)
    return [
      h('h2', null, 'Lag of the tables'),
      h('p', null, 'Another process reads the log; its /metrics show the lag.'),
    ]
  return table(
    'Lag of the tables',
    [
      ['topic', ({ topic }) => h('code', null, topic)],
      ['oldest record not stored', ({ seconds }) => (seconds === 0 ? 'none' : duration(seconds)), 'number'],
      ['waiting', ({ bytes: size }) => bytes(size), 'number'],
    ],
    lag,
  )
}

function intakeTable(intake, now) {
  return table(
    'Records received',
    [
      ['table', ({ table: name }) => h('code', null, name)],
      ['records, 5 minutes', ({ last_five_minutes }) => number(last_five_minutes), 'number'],
      ['latest', ({ latest }) => (latest === null ? 'none today' : ago(latest, now))],
    ],
    intake,
  )
}

function refusedTable(refused) {
  if (refused === null)
    return [
      h('h2', null, 'Refused by ingest'),
      h(
        'p',
        null,
        'Ingest runs in other processes; each counts what it refused in series ',
        h('code', null, 'gatepost_records_not_kept_total'),
        ' of its /metrics.',
      ),
    ]
  if (refused.length === 0)
    return [h('h2', null, 'Refused by ingest'), h('p', null, 'Nothing since ingest was started.')]
  return table(
    'Refused by ingest since its start',
    [
      ['what', ({ kind }) => (kind === 'record' ? 'record not stored' : 'request refused')],
      ['of', ({ of }) => h('code', null, of)],
      ['reason', ({ reason }) => reason],
      ['how often', ({ count }) => number(count), 'number'],
    ],
    refused,
  )
}

function reasonsTable(reasons) {
  return table(
    'Reasons, last 7 days',
    [
      ['source', ({ source }) => source],
      ['reason', ({ reason }) => h('code', null, reason)],
      ['letters', ({ letters }) => number(letters), 'number'],
      ['latest', ({ latest }) => time(latest)],
    ],
    reasons,
  )
}

function letter({ received_at, source, reason, error, payload, batch_id, batch_index }, me) {
  return h(
    'details',
    null,
    h('summary', null, `${received_at.slice(0, 19)} UTC · ${source} · ${reason}: ${error}`),
    me.can_replay && payload !== ''
      ? replay(`${batch_id}/${batch_index}`, payload)
      : [
          h('pre', null, payload || '(not kept, since it may contain credentials)'),
          h('pre', null, `gatepost dead-letters replay ${batch_id}/${batch_index} --payload '…'`),
        ],
  )
}

/** What was sent, to be mended and stored. */
function replay(name, payload) {
  const said = h('p', { role: 'status' })
  const text = h('textarea', { rows: 4, spellcheck: false, 'aria-label': 'Payload, to be repaired' })
  text.value = payload
  const act = async () => {
    try {
      const mended = text.value === payload ? {} : { payload: text.value }
      const { table: into, rows } = await post(`/api/dead-letters/${name}/replay`, mended)
      said.textContent = rows === 0 ? `It is already stored in ${into}.` : `It is stored in ${into}.`
    } catch (error) {
      said.textContent = error.message
    }
  }
  return [text, h('p', { class: 'actions' }, h('button', { type: 'button', onclick: act }, 'Store it')), said]
}

function publicationsTable(publications) {
  return table(
    'Publications, the latest first',
    [
      ['published at', ({ published_at }) => time(published_at)],
      ['state', ({ status }) => h('span', { class: `state ${status === 'sent' ? 'good' : 'bad'}` }, status)],
      ['publisher', ({ publisher }) => publisher],
      ['metric', ({ metric_name, period }) => `${metric_name}, ${period}`],
      ['date', ({ date, hour, period }) => (period === 'hour' ? `${date}T${String(hour).padStart(2, '0')}` : date)],
      ['answer', ({ answer }) => answer, 'text'],
      ['attempts', ({ attempts }) => number(attempts), 'number'],
    ],
    publications,
  )
}

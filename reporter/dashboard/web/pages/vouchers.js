import { getPage, post } from '../api.js'
import { card, field, h, nothing, pageAsked, pages, svg, table } from '../dom.js'
import { shown, time } from '../words.js'

/** As the API has it. */
const PAGE_SIZE = 500
const HOUR = 3600
const GB = 1_000_000_000

export async function page(main, { parameters, me }) {
  main.append(h('h1', null, 'Vouchers'))
  if (!me.has_vouchers) {
    main.append(
      nothing('Not here: this process has no access log, or no GATEPOST_SECRET.', 'gatepost access vouchers create'),
    )
    return
  }
  const wrong = h('div')
  const sheet = h('div', { id: 'sheet' })
  const list = h('div', { id: 'list' })
  const part = pageAsked(parameters, PAGE_SIZE)
  const show = async () => {
    const { rows, total } = await getPage(`/api/vouchers?page=${part.number}`)
    list.replaceChildren(vouchersTable(rows, part, total, me, release), pages(part.number, PAGE_SIZE, total) ?? '')
  }
  const release = async (id) => {
    await post(`/api/vouchers/${id}/release`, {})
    await show()
  }
  if (me.can_make_vouchers) main.append(orderForm(wrong, sheet, show), wrong, sheet)
  main.append(list)
  await show()
}

function orderForm(wrong, sheet, show) {
  const amount = (min, step) => ({ type: 'number', min, step: step ?? 1 })
  const button = h('button', { class: 'main' }, 'Create vouchers')
  const form = h(
    'form',
    { class: 'search', 'aria-label': 'Create vouchers' },
    field('How many', 'count', '20', undefined, { ...amount(1), max: 200, required: true }),
    field('Valid for hours from the first use', 'valid', '24', undefined, { ...amount(0.1, 0.1), required: true }),
    field('Devices at a time', 'devices', '1', undefined, { ...amount(1), max: 100, required: true }),
    field('Who may stay', 'wins', 'first', [
      ['first', 'the first devices'],
      ['newest', 'the newest device'],
    ]),
    field('Hours of a session', 'session', '', undefined, { ...amount(0.1, 0.1), placeholder: "the portal's" }),
    field('GB in all', 'quota', '', undefined, { ...amount(0.001, 0.001), placeholder: 'no limit' }),
    field('Label', 'label', '', undefined, { maxlength: 100 }),
    field("The network's name", 'title', 'Wi-Fi', undefined, { maxlength: 60 }),
    field('Page that the QR codes open', 'url', '', undefined, {
      type: 'url',
      maxlength: 200,
      placeholder: 'none: the code alone',
    }),
    button,
  )
  form.addEventListener('submit', async (event) => {
    event.preventDefault()
    const given = Object.fromEntries(new FormData(form))
    wrong.replaceChildren()
    button.disabled = true
    try {
      const made = await post('/api/vouchers', orderOf(given))
      sheet.replaceChildren(printable(made, given))
      await show()
    } catch (error) {
      wrong.replaceChildren(h('p', { class: 'bad', role: 'alert' }, error.message))
    } finally {
      button.disabled = false
    }
  })
  return form
}

function orderOf({ count, valid, devices, wins, session, quota, label, url }) {
  const inSeconds = (hours) => Math.round(Number(hours) * HOUR)
  return {
    count: Number(count),
    valid_for_seconds: inSeconds(valid),
    max_devices: Number(devices),
    wins,
    label,
    ...(session === '' ? {} : { session_seconds: inSeconds(session) }),
    ...(quota === '' ? {} : { quota_bytes: Math.round(Number(quota) * GB) }),
    ...(url === '' ? {} : { url }),
  }
}

/** Slips to print and cut. */
function printable({ terms, vouchers }, { title, label }) {
  return card(
    h('p', { class: 'noprint' }, 'These codes are shown only now. Print them before you leave the page.'),
    h('p', { class: 'actions noprint' }, h('button', { type: 'button', onclick: () => print() }, 'Print')),
    h(
      'div',
      { class: 'slips' },
      vouchers.map(({ code, qr }) =>
        h(
          'section',
          { class: 'slip' },
          svg(
            'svg',
            { viewBox: `0 0 ${qr.size} ${qr.size}`, role: 'img', 'aria-label': 'QR code' },
            svg('path', { d: qr.path }),
          ),
          h(
            'div',
            null,
            h('h3', null, title),
            h('p', { class: 'mono code' }, code),
            h('p', null, terms.join(', ')),
            label === '' ? null : h('p', { class: 'quiet' }, label),
          ),
        ),
      ),
    ),
  )
}

function vouchersTable(vouchers, { first }, total, me, release) {
  if (vouchers.length === 0) return nothing('There are no vouchers yet.', 'gatepost access vouchers create --count 20')
  const columns = [
    ['voucher', ({ id }) => h('span', { class: 'mono' }, id)],
    ['label', ({ label }) => label || '–'],
    ['state', ({ state }) => state.replace('_', ' ')],
    ['devices', ({ devices, max_devices }) => `${devices} of ${max_devices}`],
    ['created', ({ created_at }) => time(created_at)],
    ['ends', ({ ends }) => time(ends)],
    [
      '',
      ({ id, devices }) =>
        devices === 0 || !me.can_make_vouchers
          ? ''
          : h('button', { type: 'button', 'aria-label': `Release ${id}`, onclick: () => release(id) }, 'Release'),
    ],
  ]
  return card(
    table(
      `${shown(first, vouchers.length, total)} ${total === 1 ? 'voucher' : 'vouchers'}, the newest first`,
      columns,
      vouchers,
    ),
  )
}

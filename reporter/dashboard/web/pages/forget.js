import { post } from '../api.js'
import { card, field, h, table } from '../dom.js'
import { number } from '../words.js'

const KINDS = [
  ['user', 'User name'],
  ['mac', 'Device (MAC)'],
]

export function page(main, { me }) {
  main.append(h('h1', null, 'Forget a person'))
  if (!me.can_forget) {
    main.append(
      card(
        h('p', null, me.cannot_forget === null ? 'Only operators may do this.' : `Not here: ${me.cannot_forget}.`),
        h('pre', null, 'gatepost forget --user NAME --dry-run\ngatepost forget --mac MAC --dry-run'),
      ),
    )
    return
  }
  const found = h('div', { id: 'found' })
  const said = h('p', { role: 'status' })
  const wrong = h('div')
  const count = h('button', { class: 'main' }, 'Count first')
  const form = h(
    'form',
    { class: 'search', 'aria-label': 'Forget a person' },
    field('Who', 'kind', given()[0], KINDS),
    field('which is', 'value', given()[1], undefined, { required: true, maxlength: 256 }),
    count,
  )
  // What a page of this one handed over is nobody's business later.
  history.replaceState(null, '', location.pathname)

  /** One request at a time; what it says stands beside the form. */
  const ask = async (person, dryRun) => {
    wrong.replaceChildren()
    found.replaceChildren()
    said.textContent = dryRun ? 'Counting …' : 'Forgetting: this takes some seconds, and minutes where there is much …'
    count.disabled = true
    try {
      const answer = await post('/api/forget', { [person.kind]: person.value, dry_run: dryRun })
      said.textContent = dryRun ? 'Counted. Nothing was removed yet.' : 'Forgotten.'
      return answer
    } catch (error) {
      said.textContent = ''
      wrong.replaceChildren(h('p', { class: 'bad', role: 'alert' }, error.message))
      return null
    } finally {
      count.disabled = false
    }
  }
  const forget = async (person) => {
    const answer = await ask(person, false)
    if (answer !== null) found.replaceChildren(counts('Removed', person, answer), remaining(answer))
  }
  form.addEventListener('submit', async (event) => {
    event.preventDefault()
    const person = Object.fromEntries(new FormData(form))
    const answer = await ask(person, true)
    if (answer === null) return
    found.replaceChildren(counts('Would be removed', person, answer), remaining(answer), confirmation(person, forget))
  })
  // What was counted is of the person who was asked for then.
  form.addEventListener('input', () => {
    found.replaceChildren()
    said.textContent = ''
  })
  main.append(
    form,
    h(
      'p',
      { class: 'quiet' },
      'Every attempt is recorded in the audit log, without the name. One name or device at a time: Logins shows which devices are a person’s.',
    ),
    said,
    wrong,
    found,
  )
}

/** As the page before this one handed it over, behind # so that it is sent nowhere. */
function given() {
  const handed = new URLSearchParams(location.hash.slice(1))
  return KINDS.map(([kind]) => [kind, handed.get(kind)]).find(([, value]) => value) ?? ['user', '']
}

function counts(title, { kind, value }, { tables, access_control, archive }) {
  const places = [
    ...Object.entries(tables),
    ['access-control log', access_control],
    ['archive of the journal', archive.records],
  ].filter(([, rows]) => rows > 0)
  const who = h('p', null, kind === 'user' ? 'User ' : 'Device ', h('strong', { class: 'mono' }, value))
  if (places.length === 0) return card(who, h('p', null, 'No data about this person is stored.'))
  const columns = [
    ['place', ([place]) => h('code', null, place)],
    ['rows', ([, rows]) => number(rows), 'number'],
  ]
  return card(who, table(title, columns, places))
}

function remaining({ remains, dry_run: dryRun }) {
  return card(
    h('h2', null, dryRun ? 'What will remain' : 'What remains'),
    h(
      'ul',
      null,
      remains.map((text) => h('li', null, text)),
    ),
  )
}

/** Asks once more before it does it. */
function confirmation(person, forget) {
  const ask = () => {
    const sure = h('button', { type: 'button', class: 'danger', onclick: () => forget(person) }, 'Forget for good')
    form.replaceChildren('This cannot be undone.', sure, h('button', { type: 'button', onclick: cancel }, 'Cancel'))
    sure.focus()
  }
  const cancel = () => {
    form.replaceChildren(first)
    first.focus()
  }
  const first = h('button', { type: 'button', class: 'danger', onclick: ask }, 'Forget this person …')
  const form = h('p', { class: 'actions' }, first)
  return form
}

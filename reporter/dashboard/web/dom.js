/* Elements without markup in strings: nothing that a stranger sent is ever read as HTML. */

const SVG = 'http://www.w3.org/2000/svg'

function filled(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (value === undefined || value === null || value === false) continue
    if (name.startsWith('on')) element.addEventListener(name.slice(2), value)
    else element.setAttribute(name, value === true ? '' : String(value))
  }
  element.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false))
  return element
}

/** An element: h('a', { href: '/' }, 'text'). */
export function h(name, attributes, ...children) {
  return filled(document.createElement(name), attributes, children)
}

export function svg(name, attributes, ...children) {
  return filled(document.createElementNS(SVG, name), attributes, children)
}

/**
 * A table: columns are [heading, cell of a row, class]; a cell is text or an element. On a phone each row is a list of headings and values
 * (style.css), so the roles are said, which browsers take from tables that are not shown as such.
 */
export function table(caption, columns, rows) {
  const head = columns.map(([heading, , kind]) => h('th', { scope: 'col', role: 'columnheader', class: kind }, heading))
  const cellOf = (row, [heading, cell, kind]) =>
    h('td', { role: 'cell', class: kind, 'data-label': heading }, cell(row))
  return h(
    'div',
    { class: 'scroll', tabindex: 0, role: 'region', 'aria-label': caption },
    h(
      'table',
      { role: 'table' },
      h('caption', null, caption),
      h('thead', { role: 'rowgroup' }, h('tr', { role: 'row' }, head)),
      h(
        'tbody',
        { role: 'rowgroup' },
        rows.map((row) =>
          h(
            'tr',
            { role: 'row' },
            columns.map((column) => cellOf(row, column)),
          ),
        ),
      ),
    ),
  )
}

export const card = (...children) => h('section', { class: 'card' }, ...children)

export function tile(label, value, note) {
  return h(
    'section',
    { class: 'card tile' },
    h('div', { class: 'label' }, label),
    h('div', { class: 'value' }, value),
    h('div', { class: 'note' }, note ?? ''),
  )
}

/** The part of a list that the address asks for: `number`, from 1, and `first`, the number of its first row, if a part has `size` rows. */
export function pageAsked(parameters, size) {
  const number = Number(parameters.get('page') ?? 1)
  return { number, first: (number - 1) * size + 1 }
}

/** As the API has it. */
const MAX_PAGES = 1000

/** Links to the pages before and after; null: everything is on this one. `total`: of all pages, `size`: of one. */
export function pages(page, size, total) {
  const last = Math.min(Math.ceil(total / size), MAX_PAGES)
  if (last <= 1) return null
  const to = (target, text) => {
    const parameters = new URLSearchParams(location.search)
    parameters.set('page', target)
    return target < 1 || target > last
      ? h('span', { class: 'quiet' }, text)
      : h('a', { class: 'button', href: `${location.pathname}?${parameters}` }, text)
  }
  return h(
    'nav',
    { class: 'actions', 'aria-label': 'Pages' },
    to(page - 1, 'Previous'),
    h('span', null, `page ${page} of ${last}`),
    to(page + 1, 'Next'),
  )
}

/** What to do where there is nothing yet. */
export function nothing(text, line) {
  return card(h('p', null, text), line === undefined ? null : h('pre', null, line))
}

/** A field of a form: a text, or one of `choices`, each a value or [value, text]. */
export function field(label, name, value, choices, more) {
  const input =
    choices === undefined
      ? h('input', { name, value: value ?? '', autocomplete: 'off', spellcheck: 'false', ...more })
      : h(
          'select',
          { name, ...more },
          choices.map((choice) => {
            const [key, text] = Array.isArray(choice) ? choice : [choice, choice]
            return h('option', { value: key, selected: key === (value ?? '') }, text)
          }),
        )
  return h('label', { class: 'field' }, label, input)
}

export function tick(label, name, on) {
  return h('label', { class: 'tick' }, h('input', { type: 'checkbox', name, value: '1', checked: on }), label)
}

/** A form whose address holds what was asked for; fields that are empty stay out of it. */
export function search(label, ...children) {
  const submit = (event) => {
    event.preventDefault()
    const given = [...new FormData(event.target)].filter(([, value]) => value !== '')
    const query = new URLSearchParams(given).toString()
    location.assign(location.pathname + (query === '' ? '' : `?${query}`))
  }
  return h('form', { class: 'search', role: 'search', 'aria-label': label, onsubmit: submit }, ...children)
}

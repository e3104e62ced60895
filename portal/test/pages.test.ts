import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { packageFile } from '../../common/package-root.ts'
import { Pages } from '../pages.ts'
import { loadLanguages } from '../texts.ts'

const PAGE = { route: 'portal', code: 200, title: 'A title', data: { left: '<5 minutes>' } } as const

t.test('every language has every text, with the same placeholders', (t) => {
  const directory = packageFile('portal/texts')
  const read = (name: string) => JSON.parse(readFileSync(join(directory, name), 'utf8')) as Record<string, string>
  const names = readdirSync(directory)
  t.same(names.sort(), ['de.json', 'en.json', 'es.json', 'fr.json'])
  const english = read('en.json')
  const placeholders = (text: string) => (text.match(/\{\w+\}/g) ?? []).sort()
  for (const name of names) {
    const texts = read(name)
    t.same(Object.keys(texts).sort(), Object.keys(english).sort(), name)
    for (const [key, text] of Object.entries(texts)) {
      t.same(placeholders(text), placeholders(english[key]), `${name} ${key}`)
      t.ok(text.trim() === text && text !== '', `${name} ${key}`)
    }
  }
  t.end()
})

t.test('durations are shown in their two largest units', (t) => {
  const languages = loadLanguages([])
  const minute = 60_000
  for (const [ms, english, german] of [
    [0, '1 minute', '1 Minute'],
    [59 * minute + 59_000, '59 minutes', '59 Minuten'],
    [125 * minute, '2 hours, 5 minutes', '2 Stunden, 5 Minuten'],
    [1440 * minute, '1 day', '1 Tag'],
    [1445 * minute, '1 day', '1 Tag'],
  ] as const) {
    t.equal(languages.choose('en').duration(ms), english)
    t.equal(languages.choose('de').duration(ms), german)
  }
  t.end()
})

t.test('an operator’s texts, templates and logo replace the built-in ones', (t) => {
  const directory = t.testdir({
    texts: {
      'de.json': JSON.stringify({ brand: 'Café <Mitte>' }),
      'nl.json': JSON.stringify({ 'login.title': 'Verbinden met internet' }),
    },
    templates: {
      'portal.eta': "<% layout('@layout') %><p>Our own: <%= it.left %></p>",
      'style.css': 'body { color: red }',
    },
    'logo.svg': '<svg xmlns="http://www.w3.org/2000/svg"/>',
  })
  const languages = loadLanguages([directory])
  const german = languages.choose('de')
  t.equal(german.text('portal.title'), 'Sie sind online', 'files that are not replaced stay')
  const dutch = languages.choose('nl-BE')
  t.equal(dutch.text('login.title'), 'Verbinden met internet')
  t.equal(dutch.text('portal.title'), 'You are online', 'English stands for what a new language does not say')
  const { body, headers } = new Pages([directory]).answer('portal', german, PAGE)
  t.match(body, '<p>Our own: &lt;5 minutes&gt;</p>')
  t.match(body, 'Café &lt;Mitte&gt;')
  t.match(body, '<style>body { color: red }</style>')
  t.match(body, '<img src="data:image/svg+xml;base64,')
  t.match(new Map(headers).get('Content-Security-Policy'), "style-src 'sha256-")
  t.end()
})

t.test('a file that cannot be used is named', (t) => {
  const message = (open: () => unknown): string => {
    try {
      open()
      return ''
    } catch (error) {
      return (error as Error).message
    }
  }
  const directory = t.testdir({
    key: { texts: { 'de.json': '{"no.such.key":"x"}' } },
    json: { texts: { 'de.json': '{"brand":' } },
    type: { texts: { 'de.json': '{"brand":1}' } },
    name: { texts: { README: '' } },
    template: { templates: { 'login.eta': '<% if ( %>' } },
    style: { templates: { 'style.css': '</style><script>' } },
    logo: { 'logo.png': 'x'.repeat(70_000) },
  })
  for (const name of ['key', 'json', 'type', 'name'])
    t.match(
      message(() => loadLanguages([join(directory, name)])),
      /files of the portal: .*texts\/.* cannot be used/,
      name,
    )
  t.match(
    message(() => new Pages([join(directory, 'template')])),
    /login\.eta cannot be used/,
  )
  t.match(
    message(() => new Pages([join(directory, 'style')])),
    /style\.css cannot be used/,
  )
  t.match(
    message(() => new Pages([join(directory, 'logo')])),
    /logo\.png cannot be used/,
  )
  t.end()
})

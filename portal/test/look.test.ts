import { join } from 'node:path'
import t from 'tap'
import { startMailServer } from '../../test/helpers/mail-server.ts'
import { until } from '../../test/helpers/until.ts'
import { Looks, type Look } from '../look.ts'
import { openSite, Visitor } from './site.ts'

/* A look for some gateways: texts, templates, logo, colours, methods and terms. */

const LANGUAGES = ['en', 'de', 'fr', 'es']
const PASSWORD = 'correct horse battery'
const login = (gwId: string) => `/login/?gw_address=192.168.77.1&gw_port=2060&gw_id=${gwId}&mac=00-11-22-33-44-55`
const none: Omit<Look, 'name' | 'gateways'> = {
  directory: null,
  texts: {},
  colours: {},
  darkColours: {},
  methods: null,
  termsVersion: null,
}

const directory = t.testdir({
  all: {
    texts: { 'de.json': '{"brand":"Überall","close":"Schluss"}' },
    'logo.svg': '<svg xmlns="http://www.w3.org/2000/svg" id="all"/>',
  },
  hotel: {
    texts: { 'fr.json': '{"brand":"Hôtel de la Poste"}' },
    templates: { 'portal.eta': "<% layout('@layout') %><p>Breakfast is at 7</p>" },
    'logo.svg': '<svg xmlns="http://www.w3.org/2000/svg" id="hotel"/>',
  },
})
const hotel: Look = {
  ...none,
  name: 'hotel',
  gateways: 'hotel-*',
  directory: join(directory, 'hotel'),
  texts: { brand: 'Hotel Post', 'terms.text': 'Be quiet at night.' },
  colours: { accent: '#a31621' },
  darkColours: { accent: '#ffb3ba' },
  methods: ['account'],
  termsVersion: 'hotel-2',
}

t.test('each gateway has its look, and every language is complete in it', async (t) => {
  const mail = await startMailServer(t)
  const site = await openSite(t, {
    methods: ['click', 'account'],
    directory: join(directory, 'all'),
    looks: [hotel, { ...none, name: 'rest', gateways: 'hotel*', texts: { brand: 'Never shown' } }],
    mail: { url: mail.url, from: 'wifi@example.org', perHour: 1000 },
    portalUrl: 'http://wifi.example.org',
  })
  t.teardown(() => site.close())
  const [base] = site.bases
  const logo = (id: string) => Buffer.from(`<svg xmlns="http://www.w3.org/2000/svg" id="${id}"/>`).toString('base64')
  for (const language of LANGUAGES) {
    const visitor = new Visitor(base, { 'accept-language': language })
    const at = (await visitor.get(login('hotel-7'))).html
    t.match(at, language === 'fr' ? 'Hôtel de la Poste' : 'Hotel Post')
    t.match(at, 'Be quiet at night.')
    t.match(at, '--accent: #a31621;')
    t.match(at, '--accent: #ffb3ba;')
    t.match(at, logo('hotel'))
    t.notMatch(at, 'value="click"', 'a method that the hotel does not have')
    t.match(at, 'value="account"')
    const elsewhere = (await visitor.get(login('library'))).html
    t.notMatch(elsewhere, 'Hotel')
    t.match(elsewhere, logo('all'))
    t.match(elsewhere, 'value="click"')
    const looks = new Looks(join(directory, 'all'), [hotel])
    const [own, usual] = ['hotel-7', 'library'].map((gwId) => looks.languages(gwId).choose(language))
    t.equal(own.text('login.title'), usual.text('login.title'), 'what a look does not say is as elsewhere')
    t.equal(own.text('close'), usual.text('close'))
  }
  const visitor = new Visitor(base)
  await visitor.get(login('hotel-7'))
  t.equal((await visitor.post(login('hotel-7'), { method: 'click' })).response.status, 403)
  t.equal((await visitor.post(login('library'), { method: 'click' })).response.status, 302)
  t.match((await site.grants()).at(-1), { gw_id: 'library', terms_version: '1' })

  const signup = `${login('hotel-7')}&page=signup`
  await visitor.get(signup)
  const { response } = await visitor.post(signup, { method: 'signup', email: 'a@example.org', password: PASSWORD })
  t.equal(response.status, 302)
  t.match((await site.grants()).at(-1), { gw_id: 'hotel-7', terms_version: 'hotel-2' })
  t.match((await visitor.get('/portal/?gw_id=hotel-7')).html, 'Breakfast is at 7')
  t.match((await visitor.get('/gw_message.php?message=activate')).html, 'Hotel Post', 'the cookie tells the gateway')
  await until(() => mail.mails.length === 1)
  t.match(mail.mails[0], 'Hotel Post')
  const link = await mail.linkFor('a@example.org')
  t.match((await new Visitor(base).get(link)).html, 'Hotel Post', 'the link tells it to any browser')
})

t.test('a text that there is not is named', (t) => {
  t.throws(() => new Looks(null, [{ ...hotel, texts: { 'no.such.key': 'x' } }]), {
    code: 'CONFIG_INVALID',
    message: /texts of look hotel cannot be used: no text is called no\.such\.key/,
  })
  t.end()
})

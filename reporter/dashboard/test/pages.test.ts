import t from 'tap'
import { pino } from 'pino'
import type { Browser, Page } from 'playwright-core'
import { GatepostError } from '../../../common/errors.ts'
import { requireCommand } from '../../../test/helpers/commands.ts'
import { NEVER_MS } from '../../../test/helpers/until.ts'
import { listSessions } from '../../queries/sessions.ts'
import { openEngine } from '../../test/engine.ts'
import { loadAssets } from '../assets.ts'
import type { DashboardOptions } from '../options.ts'
import { startDashboard } from '../server.ts'
import { beat, fillBelievably } from './believable.ts'
import { openBrowser, PAGES } from './browser.ts'
import { retentionOf } from '../../../store/retention.ts'

/* Every page in a headless Chromium, over the real engine: without data, then with. */

const store = await openEngine(t.testdir())
t.teardown(() => store.close())
const chromium = requireCommand(t, 'chromium', 'chromium')
const browser = chromium === null ? null : await openBrowser(chromium)
const decided: string[] = []
const replayed: (string | null)[] = []
const forgotten: string[] = []
const freed: string[] = []
/** What the dashboard logged: an error on a page does not say why. */
const logged: string[] = []
const logger = pino({ level: 'warn' }, { write: (line: string) => logged.push(line) })
t.teardown(() => t.passing() || process.stderr.write(logged.join('')))

async function start(options: Partial<DashboardOptions> = {}) {
  const dashboard = await startDashboard({
    store,
    host: '127.0.0.1',
    port: 0,
    allowedHosts: [],
    trustedProxies: [],
    certificate: null,
    password: undefined,
    viewerPassword: undefined,
    retention: retentionOf(32),
    lag: () => [],
    refused: () => Promise.resolve([{ kind: 'record' as const, of: 'post_auth', reason: 'LOG_FULL', count: 3 }]),
    disconnects: true,
    listeners: { gateway: 'http://127.0.0.1:18000', ingest: 'http://127.0.0.1:18080' },
    cutOff: (id) => {
      decided.push(id)
      return Promise.resolve()
    },
    vouchers: {
      create: ({ count }) =>
        Promise.resolve(
          Array.from({ length: count }, (_, index) => ({
            id: 'a'.repeat(24),
            code: `7GQ2-M0XK-${String(index).padStart(4, '0')}`,
          })),
        ),
      list: () =>
        Promise.resolve([
          {
            id: 'b'.repeat(24),
            label: 'fair',
            state: freed.length === 0 ? 'in_use' : 'over',
            validForMs: 86_400_000,
            maxDevices: 2,
            devices: freed.length === 0 ? 1 : 0,
            sessionMs: null,
            quotaBytes: null,
            wins: 'first',
            createdAt: 1_709_208_000_000,
            firstUsed: null,
            ends: null,
          },
        ]),
      release: (id) => {
        freed.push(id)
        return Promise.resolve(1)
      },
    },
    replayLetter: (_letter, payload) => {
      replayed.push(payload)
      return Promise.resolve({ table: 'post_auth', received_at: '2024-02-29 12:00:00.000', rows: 1 })
    },
    forgetter: {
      hash: () => 'a-hash',
      forget: ({ kind, value }, dryRun) => {
        forgotten.push(`${kind} ${value}${dryRun ? ' (counted)' : ''}`)
        return Promise.resolve({
          dry_run: dryRun,
          tables: { post_auth: 7, gateway_auth: 0 },
          access_control: 1,
          archive: { segments: 0, records: 0 },
          remains: ['in files of the tables'],
        })
      },
    },
    logger,
    ...options,
  })
  return { base: `http://127.0.0.1:${dashboard.port}`, close: () => dashboard.close() }
}

/** A page that records its errors, violations of the content security policy included. */
async function opened(options: Parameters<Browser['newContext']>[0] = {}): Promise<{ page: Page; wrong: string[] }> {
  const context = await (browser as Browser).newContext({ viewport: { width: 1280, height: 800 }, ...options })
  context.setDefaultTimeout(NEVER_MS)
  const page = await context.newPage()
  const wrong: string[] = []
  page.on('pageerror', (error) => wrong.push(error.message))
  page.on('console', (message) => {
    if (message.type() === 'error') wrong.push(message.text())
  })
  return { page, wrong }
}

async function show(page: Page, url: string): Promise<string> {
  await page.goto(url)
  await page.waitForSelector('body[data-shown]')
  return page.innerText('main')
}

t.test('the pages load little, and only from this host', (t) => {
  const scripts = [...loadAssets()].filter(([name]) => name.endsWith('.js'))
  const bytes = scripts.reduce((sum, [, { body }]) => sum + Buffer.byteLength(body), 0)
  t.ok(bytes < 300_000, `${bytes} bytes of JavaScript`)
  for (const [name, { body }] of loadAssets()) {
    const foreign = (body.match(/https?:\/\/[^\s"'`)]+/g) ?? []).filter(
      (url) => !/^http:\/\/(INGEST:80[08]0|www\.w3\.org|example\.org|192\.168\.1\.1)|github\.com\/leeoniya/.test(url),
    )
    t.same(foreign, [], name)
  }
  t.end()
})

if (browser !== null) {
  t.teardown(() => browser.close())

  t.test('without data each page says what to do', async (t) => {
    const { base, close } = await start()
    t.teardown(close)
    const { page, wrong } = await opened()
    for (const [path, text] of [
      ['/', /Report a login:\s+curl -i http:\/\/127.0.0.1:18080/],
      ['/sites', /curl -i .*post-auth/],
      ['/logins', /Search for a user, a device or a site/],
      ['/logins?user=nobody', /There is no login of user name nobody in the time searched/],
      ['/gateways', /curl .*:18000\/ping\//],
      ['/sessions', /curl .*:18000\/login\//],
      ['/gateways?search=x', /No gateway is like this/],
      ['/sessions?account=nobody', /No session is like this/],
      ['/data-health', /Nothing has been published yet/],
      ['/usage?metric=account-usage&period=day', /account-usage, by day/],
    ] as const)
      t.match(await show(page, base + path), text, path)
    t.same(wrong, [])
  })

  t.test('an address that is no page is a page that says so', async (t) => {
    const { base, close } = await start()
    t.teardown(close)
    const { page } = await opened()
    for (const path of ['/metrics', '/usage/daily', '/sessions/', '/a/b/c']) {
      const answer = await page.goto(base + path)
      t.equal(answer?.status(), 404, path)
      await page.waitForSelector('body[data-shown]')
      t.match(await page.innerText('main'), /No such page/, path)
      t.ok(await page.getByRole('link', { name: 'Overview' }).isVisible())
    }
    const json = await fetch(`${base}/api/nothing`, { headers: { accept: 'text/html' } })
    t.match(json.headers.get('content-type'), /json/)
  })

  t.test('with data, in both colours and on a phone', async (t) => {
    await fillBelievably(store)
    const { base, close } = await start()
    t.teardown(close)
    const [session] = await listSessions(store, { active: true, limit: 1 })
    const pages = { ...PAGES, session: `/sessions/${session.session_id}` }
    const expected: Record<keyof typeof pages, RegExp> = {
      overview: /Gateways up\s+16/,
      usage: /traffic/,
      'usage-metric': /Export CSV/,
      sites: /Town hall/,
      logins: /Account u00007/,
      gateways: /18 gateways/,
      sessions: /active/,
      'data-health': /LOG_FULL[^]*number_invalid|number_invalid[^]*LOG_FULL/,
      forget: /Count first/,
      vouchers: /fair/,
      session: /counters reports until/,
    }
    for (const look of [
      { colorScheme: 'light' },
      { colorScheme: 'dark' },
      { viewport: { width: 360, height: 740 } },
    ] as { colorScheme?: 'light' | 'dark'; viewport?: { width: number; height: number } }[]) {
      const { page, wrong } = await opened(look)
      for (const [name, path] of Object.entries(pages)) {
        await beat(store)
        const text = await show(page, base + path)
        t.match(text, expected[name as keyof typeof pages], name)
        t.same(await page.locator('[role=alert]').allInnerTexts(), [], `${name} shows no error`)
        const wider = await page.evaluate<number>('document.documentElement.scrollWidth - innerWidth')
        t.ok(wider <= 0, `${name} fits (${wider})`)
        const unnamed = await page.evaluate<number>(
          `[...document.querySelectorAll('a, button, input, select, svg[role=img]')].filter((one) =>
             !(one.textContent.trim() || one.getAttribute('aria-label') || one.labels?.[0]?.textContent.trim())).length`,
        )
        t.equal(unnamed, 0, `${name}: everything has a name`)
        if (look.viewport === undefined) continue
        const cut = await page.evaluate<number>(
          `[...document.querySelectorAll('.scroll')].filter((one) => one.scrollWidth > one.clientWidth + 1).length`,
        )
        t.equal(cut, 0, `${name}: no table is cut off`)
      }
      t.same(wrong, [])
      await page.context().close()
    }
  })

  t.test('searching by keyboard; the address holds the search', async (t) => {
    const { base, close } = await start()
    t.teardown(close)
    const { page, wrong } = await opened()
    await show(page, `${base}/logins`)
    await page.selectOption('#key', 'site')
    await page.getByLabel('which is').fill('192.0.2.0')
    await page.keyboard.press('Enter')
    await page.waitForURL(/\/logins\?site=192\.0\.2\.0/)
    await page.waitForSelector('body[data-shown]')
    t.match(await page.innerText('main'), /Why refused[^]*logins, the newest first/)
    t.equal(await page.getByLabel('which is').inputValue(), '192.0.2.0')
    t.same(wrong, [])
    t.match(await page.innerText('main'), /1 to 100 of [0-9,]+ logins, the newest first/i)
    await page.getByRole('link', { name: 'Next' }).click()
    await page.waitForURL(/site=192\.0\.2\.0.*&page=2/)
    await page.getByText(/^101 to 200 of/).waitFor()
    t.same(wrong, [])
    const alert = await show(page, `${base}/logins?mac=nonsense`)
    t.match(alert, /mac: not a MAC/)
  })

  t.test('a login and the session that it opened lead to each other', async (t) => {
    const { base, close } = await start()
    t.teardown(close)
    const { page, wrong } = await opened()
    await show(page, `${base}/logins?user=U00007`)
    const column = () => page.getByRole('columnheader', { name: 'session' }).count()
    t.equal(await column(), 0, 'without accounting')
    await store.command(
      `INSERT INTO gatepost.radius_accounting (received_at, event_at, status_type, unique_id, nas, username, mac, session_time, output_octets, terminate_cause)
       SELECT login.received_at + toIntervalSecond(if(stop, 120, 1)), login.received_at + toIntervalSecond(if(stop, 120, 1)), if(stop, 'Stop', 'Start'), 'of-u00007', site_ip, username, mac,
         if(stop, 119, NULL), if(stop, 5000000, NULL), if(stop, 'User-Request', '')
       FROM (SELECT * FROM gatepost.post_auth WHERE username = 'u00007' AND success = 1 ORDER BY received_at DESC LIMIT 1) AS login
       CROSS JOIN (SELECT arrayJoin([0, 1]) AS stop) AS packets`,
    )
    t.match(await show(page, `${base}/logins?user=U00007`), /User-Request[^]*4\.8 MiB to, 0 B from the device/)
    t.equal(await column(), 1)
    await page.getByRole('link', { name: 'User-Request' }).click()
    await page.waitForURL(/\/sessions\/of-u00007\?gateway=/)
    await page.waitForSelector('.timeline')
    t.match(await page.innerText('main'), /login: Access-Accept[^]*Start[^]*Stop: User-Request/)
    t.same(wrong, [])
  })

  t.test('a login leads to a page of this origin only', async (t) => {
    const { base, close } = await start({ password: 'of operators', viewerPassword: 'of viewers' })
    t.teardown(close)
    for (const next of [
      '/%09/evil.example',
      '//evil.example',
      '/.//evil.example',
      '%5C%5Cevil.example',
      'javascript:alert(1)',
    ]) {
      const { page } = await opened()
      await page.goto(`${base}/login?next=${next}`)
      await page.getByLabel('Password of an operator or a viewer').fill('of operators')
      await page.keyboard.press('Enter')
      await page.waitForURL((url) => url.pathname !== '/login')
      t.equal(new URL(page.url()).origin, base, next)
      await page.context().close()
    }
  })

  t.test('a person is forgotten, by keyboard: counted, then confirmed', async (t) => {
    const { base, close } = await start({ password: 'of operators', viewerPassword: 'of viewers' })
    t.teardown(close)
    for (const look of [
      { colorScheme: 'light' as const },
      { colorScheme: 'dark' as const, viewport: { width: 360, height: 740 } },
    ]) {
      forgotten.length = 0
      const { page, wrong } = await opened(look)
      await page.goto(`${base}/login?next=/logins?user=U00007`)
      await page.getByLabel('Password of an operator or a viewer').fill('of operators')
      await page.keyboard.press('Enter')
      await page.waitForURL(`${base}/logins?user=U00007`)
      await page.waitForSelector('body[data-shown]')
      await page.getByRole('link', { name: 'Forget this person …' }).focus()
      await page.keyboard.press('Enter')
      await page.waitForURL(`${base}/forget`)
      await page.waitForSelector('body[data-shown]')
      t.equal(await page.getByLabel('which is').inputValue(), 'U00007', 'handed over')
      await page.getByLabel('which is').focus()
      await page.keyboard.press('Enter')
      await page.getByText('Counted. Nothing was removed yet.').waitFor()
      t.match(
        await page.innerText('main'),
        /Would be removed[^]*post_auth\s+7[^]*What will remain[^]*in files of the tables/,
      )
      t.notMatch(await page.innerText('#found'), /gateway_auth/, 'only where they are')
      await page.getByLabel('which is').press('End')
      await page.getByLabel('which is').press('X')
      t.equal(await page.innerText('#found'), '', 'what was counted is of another one')
      await page.getByLabel('which is').press('Enter')
      await page.getByRole('button', { name: 'Forget this person …' }).focus()
      await page.keyboard.press('Enter')
      await page.getByText('This cannot be undone.').waitFor()
      await page.keyboard.press('Tab')
      await page.keyboard.press('Enter')
      await page.keyboard.press('Enter')
      const wider = await page.evaluate<number>('document.documentElement.scrollWidth - innerWidth')
      t.ok(wider <= 0, `fits (${wider})`)
      t.same(forgotten, ['user U00007 (counted)', 'user U00007X (counted)'], 'cancelled, and asked again')
      await page.keyboard.press('Enter')
      await page.getByText('Forgotten.', { exact: true }).waitFor()
      t.equal(forgotten.at(-1), 'user U00007X')
      t.match(await page.innerText('main'), /Removed[^]*access-control log\s+1[^]*What remains/)
      t.same(wrong, [])
      await page.context().close()
    }
  })

  t.test('vouchers are made, printed and released', async (t) => {
    const { base, close } = await start()
    t.teardown(close)
    for (const viewport of [
      { width: 1280, height: 800 },
      { width: 360, height: 740 },
    ]) {
      freed.length = 0
      const { page, wrong } = await opened({ viewport })
      await show(page, `${base}/vouchers`)
      await page.getByLabel('How many').fill('4')
      await page.getByLabel('GB in all').fill('2.5')
      await page.getByLabel('The network’s name').or(page.getByLabel("The network's name")).fill('Town <hall>')
      await page.getByRole('button', { name: 'Create vouchers' }).click()
      await page.getByText('7GQ2-M0XK-0003').waitFor()
      t.equal(await page.locator('.slip svg path').count(), 4)
      t.match(await page.innerText('.slip'), /Town <hall>[^]*1 day, 1 device, 2\.5 GB/)
      const wider = await page.evaluate<number>('document.documentElement.scrollWidth - innerWidth')
      t.ok(wider <= 0, `it fits (${wider})`)
      await page.emulateMedia({ media: 'print' })
      t.notOk(await page.getByRole('button', { name: 'Print' }).isVisible())
      t.ok(await page.locator('.slip').first().isVisible())
      t.notOk(await page.locator('#list').isVisible())
      await page.emulateMedia({ media: 'screen' })
      await page.getByRole('button', { name: /^Release/ }).click()
      await page.getByText('0 of 2').waitFor()
      t.same(freed, ['b'.repeat(24)])
      t.same(wrong, [])
      await page.context().close()
    }
  })

  t.test('a viewer, and a process that cannot forget, show the reason', async (t) => {
    const why = 'GATEPOST_SECRET is not set'
    const { base, close } = await start({ forgetter: why })
    t.teardown(close)
    const { page, wrong } = await opened()
    t.match(await show(page, `${base}/forget`), /Not here: GATEPOST_SECRET is not set\.[^]*gatepost forget --user/)
    await show(page, `${base}/logins?user=U00007`)
    t.equal(await page.getByRole('link', { name: 'Forget this person …' }).count(), 0)
    const guarded = await start({ viewerPassword: 'of viewers' })
    t.teardown(guarded.close)
    await page.goto(`${guarded.base}/forget`)
    await page.getByLabel('Password of an operator or a viewer').fill('of viewers')
    await page.keyboard.press('Enter')
    await page.getByText('Only operators may do this.').waitFor()
    t.same(wrong, [])

    const refused = await start({
      forgetter: { hash: () => 'a-hash', forget: () => Promise.reject(new GatepostError('STORE_UNAVAILABLE', 'away')) },
    })
    t.teardown(refused.close)
    await show(page, `${refused.base}/forget`)
    await page.getByLabel('which is').fill('U00007')
    await page.keyboard.press('Enter')
    await page.getByRole('alert').filter({ hasText: 'cannot be read at the moment' }).waitFor()
    t.equal(await page.getByRole('button', { name: 'Forget this person …' }).count(), 0)
  })

  t.test('times in UTC and local', async (t) => {
    const { base, close } = await start()
    t.teardown(close)
    const { page } = await opened({ timezoneId: 'Asia/Kolkata' })
    await show(page, `${base}/sessions?active=1`)
    const cell = page.locator('tbody time').first()
    const at = new Date((await cell.getAttribute('datetime')) as string)
    t.match(await cell.innerText(), at.toISOString().slice(0, 19).replace('T', ' '))
    t.match(await cell.innerText(), new Date(at.getTime() + 330 * 60_000).toISOString().slice(11, 19) + ' local')
  })

  t.test('new rows appear without a reload, unless somebody is reading', async (t) => {
    const { base, close } = await start()
    t.teardown(close)
    const { page, wrong } = await opened()
    await show(page, `${base}/gateways?search=brand-new`)
    t.match(await page.innerText('main'), /No gateway is like this/)
    const beat = (id: string) =>
      store.command(
        `INSERT INTO gatepost.gateway_pings (received_at, gw_id, trusted, batch_id) VALUES (now64(3, 'UTC'), '${id}', 1, generateUUIDv4())`,
      )
    await beat('brand-new-1')
    const link = page.getByRole('link', { name: '0' })
    await link.waitFor()
    await link.focus()
    await page.getByText('held while you read').waitFor()
    await beat('brand-new-2')
    t.equal(await page.getByText('brand-new-2').count(), 0)
    await link.blur()
    await page.getByText('brand-new-2').waitFor()
    t.same(wrong, [])
  })

  t.test('exports', async (t) => {
    const { base, close } = await start()
    t.teardown(close)
    const { page, wrong } = await opened()
    await show(page, `${base}/usage?metric=active-users&period=day`)
    const png = page.waitForEvent('download')
    await page.getByRole('button', { name: 'Export PNG' }).click()
    t.equal((await png).suggestedFilename(), 'active-users-day.png')
    const csv = page.waitForEvent('download')
    await page.getByRole('link', { name: 'Export CSV' }).click()
    t.equal((await csv).suggestedFilename(), 'active-users-day.csv')
    t.same(wrong, [])
  })

  t.test('logging in, cutting off and replaying as an operator', async (t) => {
    const { base, close } = await start({ password: 'of operators', viewerPassword: 'of viewers' })
    t.teardown(close)
    const [session] = await listSessions(store, { active: true, limit: 1 })
    const path = `/sessions/${session.session_id}`
    const logIn = async (password: string) => {
      const { page } = await opened()
      await page.goto(base + path)
      await page.waitForURL(/\/login\?next=/)
      await page.getByLabel('Password of an operator or a viewer').fill('wrong password')
      await page.keyboard.press('Enter')
      await page.getByText('this is not a password').waitFor()
      await page.getByLabel('Password of an operator or a viewer').fill(password)
      await page.keyboard.press('Enter')
      await page.waitForURL(base + path)
      await page.waitForSelector('body[data-shown]')
      return page
    }
    const viewer = await logIn('of viewers')
    t.equal(await viewer.getByRole('button', { name: 'Cut off' }).count(), 0)
    const operator = await logIn('of operators')
    await operator.getByRole('button', { name: 'Cut off …' }).click()
    t.same(decided, [], 'it asks first')
    await operator.getByRole('button', { name: 'Cut off for good' }).click()
    await operator.getByText('It is denied').waitFor()
    t.same(decided, [session.session_id])

    for (const page of [viewer, operator]) {
      await page.goto(`${base}/data-health`)
      await page.waitForSelector('body[data-shown]')
    }
    t.equal(await viewer.locator('textarea').count(), 0)
    const letter = operator
      .locator('details')
      .filter({ has: operator.locator('textarea') })
      .first()
    await letter.locator('summary').click()
    await letter.getByLabel('Payload, to be repaired').fill('{"mended":1}')
    await letter.getByRole('button', { name: 'Store it' }).click()
    await operator.getByText('It is stored in post_auth.').waitFor()
    t.same(replayed, ['{"mended":1}'])
    await operator.getByRole('button', { name: 'Log out' }).click()
    await operator.waitForURL(/\/login/)
  })
}

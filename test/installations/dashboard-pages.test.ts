import t from 'tap'
import { GatepostError } from '../../common/errors.ts'
import { fillBelievably } from '../../reporter/dashboard/test/believable.ts'
import { show, visitDashboard } from '../../reporter/dashboard/test/visit.ts'
import { listSessions } from '../../reporter/queries/sessions.ts'

/* Every page of the dashboard with data, and what people do on them, in a headless Chromium, over the real engine. */

const visit = await visitDashboard(t)
if (visit !== null) {
  const { store, start, opened, walk, decided, replayed, forgotten, freed } = visit
  await fillBelievably(store)

  t.test('every page, in both colours and on a phone', async (t) => {
    for (const look of [
      { colorScheme: 'light' as const },
      { colorScheme: 'dark' as const },
      { viewport: { width: 360, height: 740 } },
    ])
      await walk(t, look)
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

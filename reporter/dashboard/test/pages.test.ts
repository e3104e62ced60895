import t from 'tap'
import { loadAssets } from '../assets.ts'
import { fillBelievably } from './believable.ts'
import { show, visitDashboard } from './visit.ts'

/*
 * Every page in a headless Chromium, over the real engine, without data, and one of each kind with. Every page with data, and what people do on
 * them, is in test/installations/dashboard-pages.test.ts.
 */

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

const visit = await visitDashboard(t)
if (visit !== null) {
  const { store, start, opened, walk } = visit

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

  t.test('with data', async (t) => {
    await fillBelievably(store)
    await walk(t, { colorScheme: 'light' }, ['overview', 'usage-metric', 'gateways', 'session'])
  })
}

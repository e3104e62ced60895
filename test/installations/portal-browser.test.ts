import { join } from 'node:path'
import { chromium } from 'playwright-core'
import t from 'tap'
import { createLogger } from '../../common/logger.ts'
import { FileAccessLog } from '../../access/journal-log.ts'
import { requireCommand } from '../helpers/commands.ts'
import { until } from '../helpers/until.ts'
import { portalBrowser } from '../helpers/portal-browser.ts'
import { Instance } from '../helpers/instance.ts'
import { startMailServer } from '../helpers/mail-server.ts'
import { SimulatedGateway } from '../helpers/simulated-gateway.ts'

/* A real browser uses the portal of `gatepost serve` through a gateway. Its screenshots stay in the test's directory. */

const executablePath = requireCommand(t, 'chromium', 'chromium')
const directory = t.testdir({ data: {}, screenshots: {} })
const { look, openPage, withoutCookies } = portalBrowser(executablePath, join(directory, 'screenshots'))

t.test('a browser goes through the portal', { skip: executablePath === null }, async (t) => {
  const mail = await startMailServer(t)
  const instance = await Instance.create(join(directory, 'data'), {
    GATEPOST_LOGIN: 'click,voucher,account',
    GATEPOST_SMTP_URL: mail.url,
    GATEPOST_SMTP_FROM: 'wifi@example.org',
    GATEPOST_PORTAL_URL: 'http://wifi.example.org',
  })
  t.teardown(() => instance.destroy())
  await instance.start()
  const gateway = await new SimulatedGateway('001217DA42D2', instance.gatewayPort).listen()
  t.teardown(() => gateway.close())
  const access = await FileAccessLog.open(instance.dataDir, createLogger('test'))
  t.teardown(() => access.close())
  // 127.0.0.1 is not an address of a network behind a gateway: a token is sent to it only if it is registered.
  const registration = { address: '127.0.0.1', routed: false }
  await access.put(`registration:${gateway.gwId}`, {
    verdict: 'allow',
    reason: '',
    until: null,
    updatedAt: Date.now(),
    data: registration,
  })
  const browser = await chromium.launch({ executablePath: executablePath as string, args: ['--no-sandbox'] })
  t.teardown(() => browser.close())

  await t.test('click, portal, logout', async (t) => {
    const page = await openPage(t, browser, 'en-GB')
    await page.goto(`${gateway.url}/some/page?x=1`)
    t.equal(await page.title(), 'Connect to the internet – Guest Wi-Fi')
    await look(t, page, 'login')
    await page.getByRole('button', { name: 'Accept the terms and connect' }).click()
    await page.getByRole('heading', { name: 'You are online' }).waitFor()
    t.match(await page.textContent('body'), /Time left: (1 day|23 hours)/)
    t.equal(await page.getByRole('link', { name: 'Continue' }).getAttribute('href'), 'http://example.org/some/page?x=1')
    await look(t, page, 'portal')
    t.equal(await gateway.counters(1000, 200), 1)
    await page.getByRole('link', { name: 'Log out' }).click()
    await page.getByRole('heading', { name: 'You are logged out' }).waitFor()
    await look(t, page, 'logged-out')
    t.same(
      gateway.calls.map(({ stage, code }) => [stage, code]),
      [
        ['login', 1],
        ['counters', 1],
        ['logout', 0],
      ],
    )
    t.equal(await gateway.counters(1000, 200), 0, 'its token is not valid any more')
    await page.getByRole('link', { name: 'Log in again' }).click()
    await page.getByRole('heading', { name: 'Connect to the internet' }).waitFor()
  })

  await t.test('sign-up, mail, confirmation, and login with the account', async (t) => {
    const page = await openPage(t, browser, 'de-DE')
    await page.goto(gateway.url)
    await page.getByRole('link', { name: 'Konto anlegen' }).click()
    await page.getByLabel('E-Mail-Adresse').fill('alice@example.org')
    await page.getByLabel('Passwort').fill('correct horse battery')
    await look(t, page, 'signup')
    await page.getByRole('button', { name: 'Konto anlegen und verbinden' }).click()
    await page.getByRole('heading', { name: 'Bitte bestätigen' }).waitFor()
    await look(t, page, 'activate')
    t.equal(gateway.calls.at(-1)?.code, 5)
    t.equal(await gateway.counters(0, 0), 5)
    await page.getByLabel('Code aus der E-Mail').fill('00000000')
    await page.getByRole('button', { name: 'Bestätigen' }).click()
    await page.getByRole('alert').waitFor()
    await look(t, page, 'wrong-code')
    const code = await mail.codeFor('alice@example.org')
    await page.getByLabel('Code aus der E-Mail').fill(code)
    await page.getByRole('button', { name: 'Bestätigen' }).click()
    await page.getByRole('heading', { name: 'Adresse bestätigt' }).waitFor()
    await look(t, page, 'confirmed')
    t.equal(await gateway.counters(10, 10), 1, 'the next report lets the client stay')

    const again = await openPage(t, browser, 'fr-FR')
    await again.goto(gateway.url)
    await again.getByLabel('Adresse e-mail').fill('alice@example.org')
    await again.getByLabel('Mot de passe').fill('not the password')
    await again.getByRole('button', { name: 'Se connecter', exact: true }).click()
    await again.getByRole('alert').waitFor()
    await look(t, again, 'wrong-password')
    await again.getByLabel('Mot de passe').fill('correct horse battery')
    await again.getByRole('button', { name: 'Se connecter', exact: true }).click()
    await again.getByRole('heading', { name: 'Vous êtes en ligne' }).waitFor()
  })

  await t.test('issued sessions are in the table, without any token', async (t) => {
    const rows = await instance.queryUntil<Record<string, unknown>>(
      'SELECT method, account, gw_id, mac, terms_version, isNull(confirm_by) AS confirmed FROM portal_sessions ORDER BY received_at',
      (rows) => rows.length >= 3,
    )
    const common = { gw_id: gateway.gwId, mac: 'AE-41-77-80-76-90', terms_version: '1' }
    t.same(rows, [
      { method: 'click', account: '', confirmed: 1, ...common },
      { method: 'account', account: 'alice@example.org', confirmed: 0, ...common },
      { method: 'account', account: 'alice@example.org', confirmed: 1, ...common },
    ])
    t.match(await instance.queryUntil('SELECT * FROM account_status', (accounts) => accounts.length > 0), [
      { username: 'alice@example.org', contact: 'alice@example.org', sponsor: 'alice@example.org', last_login: /^20/ },
    ])
    const secrets = ['correct horse battery', ...gateway.calls.map(({ token }) => token)]
    for (const secret of secrets) t.notMatch(instance.output, secret)
  })

  await t.test('a gateway that sends no token: the page still knows the session, and logs out', async (t) => {
    gateway.sendsToken = false
    const page = await openPage(t, browser, 'en-GB')
    await page.goto(`${gateway.url}/some/page`)
    await page.getByRole('button', { name: 'Accept the terms and connect' }).click()
    await page.getByRole('heading', { name: 'You are online' }).waitFor()
    t.match(await page.textContent('body'), /Time left: (1 day|23 hours)/)
    await look(t, page, 'portal-without-token')
    const online = page.url()
    t.equal(await gateway.counters(1, 1), 1)
    await page.getByRole('button', { name: 'Log out' }).click()
    await page.getByRole('heading', { name: 'You are logged out' }).waitFor()
    await look(t, page, 'logged-out-here')
    t.ok(await until(async () => (await gateway.counters(1, 1)) === 0), 'the gateway is told with its next report')
    await page.goto(online)
    await page.getByRole('heading', { name: 'You are logged out' }).waitFor()
    t.notMatch(await page.textContent('body'), 'Time left')
  })

  await t.test('a browser that refuses all cookies goes online', async (t) => {
    const { context, page } = await withoutCookies(t)
    await page.goto(`${gateway.url}/some/page`)
    t.same(await context.cookies(), [], 'it keeps none')
    await page.getByRole('button', { name: 'Accept the terms and connect' }).click()
    await page.getByRole('heading', { name: 'You are online' }).waitFor()
    t.equal(await gateway.counters(1, 1), 1)
    t.same(await context.cookies(), [])
  })

  await t.test('sign-up without cookies; the link of the mail opens on another device', async (t) => {
    const { context, page } = await withoutCookies(t)
    await page.goto(gateway.url)
    await page.getByRole('link', { name: 'Create an account' }).click()
    await page.getByLabel('E-mail address').fill('carol@example.org')
    await page.getByLabel('Password').fill('correct horse battery')
    await page.getByRole('button', { name: 'Create account and connect' }).click()
    await page.getByRole('heading', { name: 'Please confirm' }).waitFor()
    t.equal(await gateway.counters(0, 0), 5)
    await look(t, page, 'activate-without-cookies')
    await page.getByLabel('E-mail address').fill('carol@example.org')
    await page.getByLabel('Code from the e-mail').fill('00000000')
    await page.getByRole('button', { name: 'Confirm' }).click()
    await page.getByRole('alert').waitFor()
    await look(t, page, 'activate-without-cookies-wrong')
    t.same(await context.cookies(), [])

    const mailbox = await openPage(t, browser, 'fr-FR')
    await mailbox.goto(`http://127.0.0.1:${instance.gatewayPort}${await mail.linkFor('carol@example.org')}`)
    await look(t, mailbox, 'link')
    t.equal(await gateway.counters(0, 0), 5, 'the link alone confirms nothing')
    await mailbox.getByRole('button', { name: 'Confirmer' }).click()
    await mailbox.getByRole('heading', { name: 'Adresse confirmée' }).waitFor()
    await look(t, mailbox, 'link-confirmed')
    t.ok(await until(async () => (await gateway.counters(0, 0)) === 1), 'the device that signed up stays online')

    await page.getByLabel('Code from the e-mail').fill(await mail.codeFor('carol@example.org'))
    await page.getByRole('button', { name: 'Confirm' }).click()
    await page.getByRole('alert').waitFor()
    await mailbox.reload()
    await mailbox.getByRole('heading', { name: 'Ce lien n’est plus valable' }).waitFor()
  })
})

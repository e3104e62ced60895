import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { chromium, type Page } from 'playwright-core'
import t, { type Test } from 'tap'
import { FileAccessLog } from '../../access/journal-log.ts'
import { createVouchers } from '../../access/vouchers.ts'
import { createLogger } from '../../common/logger.ts'
import { requireCommand } from '../helpers/commands.ts'
import { Instance } from '../helpers/instance.ts'
import { startMailServer } from '../helpers/mail-server.ts'
import { portalBrowser } from '../helpers/portal-browser.ts'
import { SimulatedGateway } from '../helpers/simulated-gateway.ts'
import { until } from '../helpers/until.ts'

/*
 * Phones show portals in a small window without cookies and scripts, and close it whenever they like: when another app is opened to read a code, when the
 * network changes, when the guest touches the wrong thing. Every step can be the last one of its window, and the guest begins again in a new one.
 */

const SECRET = 'a secret of this test'
const GW_ID = '001217DA42D2'
const executablePath = requireCommand(t, 'chromium', 'chromium')
const directory = t.testdir({ data: {}, automatic: {}, screenshots: {} })
const { look, openPage, withoutCookies } = portalBrowser(executablePath, join(directory, 'screenshots'))

async function open(t: Test, name: string, env: Record<string, string>) {
  const instance = await Instance.create(join(directory, name), { GATEPOST_SECRET: SECRET, ...env })
  t.teardown(() => instance.destroy())
  await instance.start()
  const gateway = await new SimulatedGateway(GW_ID, instance.gatewayPort).listen()
  t.teardown(() => gateway.close())
  // As every released gateway.
  gateway.sendsToken = false
  const access = await FileAccessLog.open(instance.dataDir, createLogger('test'))
  t.teardown(() => access.close())
  const data = { address: '127.0.0.1', sources: ['127.0.0.1'], routed: false }
  const entry = { verdict: 'allow', reason: '', until: null, updatedAt: Date.now(), data } as const
  await access.put(`registration:${GW_ID}`, entry)
  const order = { count: 1, validForMs: 86_400_000, maxDevices: 1, label: '', now: Date.now() }
  const [{ id, code }] = await createVouchers(access, SECRET, order)
  const grants = async () => {
    const [{ n }] = await instance.query<{ n: string }>('SELECT count() AS n FROM portal_sessions')
    return Number(n)
  }
  return { instance, gateway, access, id, code, grants }
}

/** Shows the page that the gateway sends a browser to, and does something there; then the window is gone. */
async function inWindow(t: Test, url: string, act: (page: Page) => Promise<void>): Promise<void> {
  const { context, page } = await withoutCookies(t)
  await page.goto(url)
  await act(page)
  t.same(await context.cookies(), [])
  await context.close()
}

const withVoucher = async (page: Page, code: string) => {
  await page.getByLabel('Voucher code').fill(code)
  await page.getByRole('button', { name: 'Connect with voucher' }).click()
}
const isOnline = (page: Page) => page.getByRole('heading', { name: 'You are online' }).waitFor()

t.test('a window that is closed half-way', { skip: executablePath === null }, async (t) => {
  const sent: string[] = []
  const service = createServer((request, response) => {
    let body = ''
    request.on('data', (chunk: Buffer) => (body += String(chunk)))
    request.on('end', () => {
      const { step, code } = JSON.parse(body) as Record<string, string>
      if (step === 'send') sent.push(body)
      response.end(JSON.stringify(step === 'send' ? { sent: true } : { allow: code === '123456' }))
    })
  })
  await new Promise<void>((resolve) => service.listen(0, '127.0.0.1', resolve))
  t.teardown(() => service.close().closeAllConnections())
  const mail = await startMailServer(t)
  const { instance, gateway, code } = await open(t, 'data', {
    GATEPOST_LOGIN: 'voucher,code,account',
    GATEPOST_SMTP_URL: mail.url,
    GATEPOST_SMTP_FROM: 'wifi@example.org',
    GATEPOST_CODE_WEBHOOK_URL: `http://127.0.0.1:${(service.address() as AddressInfo).port}/`,
    GATEPOST_CODE_WEBHOOK_SECRET: 'a secret of the service',
  })

  await t.test('before the form, and after it but before the gateway: the voucher still has its place', async (t) => {
    await inWindow(t, gateway.url, (page) => look(t, page, 'closed-at-login'))
    await inWindow(t, gateway.url, async (page) => {
      gateway.losesBrowsers = true
      await withVoucher(page, code)
      t.ok(await until(() => gateway.lost > 0))
    })
    gateway.losesBrowsers = false
    t.same(gateway.calls, [], 'the gateway never saw a token')
    await inWindow(t, gateway.url, async (page) => {
      await withVoucher(page, code)
      await isOnline(page)
    })
    t.equal(await gateway.counters(1, 1), 1)
  })

  await t.test(
    'at the page after the login: another window says the same, by the device that the gateway names',
    async (t) => {
      const url = `http://127.0.0.1:${instance.gatewayPort}/wifidog/portal/?gw_id=${GW_ID}&mac=${gateway.client.mac}`
      await inWindow(t, url, async (page) => {
        await isOnline(page)
        t.match(await page.textContent('body'), /Time left: (1 day|23 hours)/)
      })
    },
  )

  await t.test('to read the message with the code: the number is asked for again, and the code counts', async (t) => {
    await inWindow(t, gateway.url, async (page) => {
      await page.getByLabel('Telephone number').fill('+49 30 901820')
      await page.getByRole('button', { name: 'Send me a code' }).click()
      await page.getByText('+4930901820').waitFor()
    })
    await inWindow(t, gateway.url, async (page) => {
      await page.getByLabel('Telephone number').fill('+49 30 901820')
      await page.getByRole('button', { name: 'Send me a code' }).click()
      await page.getByLabel('Code', { exact: true }).fill('123456')
      await page.getByLabel('Code', { exact: true }).press('Enter')
      await isOnline(page)
    })
    t.equal(sent.length, 2)
    t.equal(await gateway.counters(1, 1), 1)
  })

  await t.test('to read the mail with the code: the guest logs in, and is led to the confirmation', async (t) => {
    await inWindow(t, gateway.url, async (page) => {
      await page.getByRole('link', { name: 'Create an account' }).click()
      await page.getByLabel('E-mail address').fill('dora@example.org')
      await page.getByLabel('Password').fill('correct horse battery')
      await page.getByRole('button', { name: 'Create account and connect' }).click()
      await page.getByRole('heading', { name: 'Please confirm' }).waitFor()
    })
    await inWindow(t, gateway.url, async (page) => {
      await page.getByLabel('E-mail address').fill('dora@example.org')
      await page.getByLabel('Password').fill('correct horse battery')
      await page.getByRole('button', { name: 'Log in', exact: true }).click()
      await page.getByRole('heading', { name: 'Please confirm' }).waitFor()
      t.equal(await gateway.counters(1, 1), 5)
      await page.getByLabel('E-mail address').fill('dora@example.org')
      await page.getByLabel('Code from the e-mail').fill(await mail.codeFor('dora@example.org'))
      await page.getByRole('button', { name: 'Confirm' }).click()
      await page.getByRole('heading', { name: 'Address confirmed' }).waitFor()
    })
    t.ok(await until(async () => (await gateway.counters(1, 1)) === 1))
  })
})

t.test('a device that comes back by itself', { skip: executablePath === null }, async (t) => {
  const { gateway, code, id, grants, access, instance } = await open(t, 'automatic', {
    GATEPOST_LOGIN: 'voucher',
    GATEPOST_REMEMBER_DEVICE: '30d',
    GATEPOST_REMEMBERED_LOGIN: 'automatic',
  })
  await inWindow(t, gateway.url, async (page) => {
    await withVoucher(page, code)
    await isOnline(page)
  })
  await inWindow(t, `${gateway.url}/some/page`, async (page) => {
    await isOnline(page)
    await look(t, page, 'came-back')
  })
  t.equal(await gateway.counters(1, 1), 1)
  t.ok(await until(async () => (await grants()) === 2))
  // A browser with cookies logs out: the next window asks.
  const browser = await chromium.launch({ executablePath: executablePath as string, args: ['--no-sandbox'] })
  t.teardown(() => browser.close())
  await access.put(`remembered:${'AE-41-77-80-76-90'}`, {
    verdict: 'allow',
    reason: '',
    until: null,
    updatedAt: Date.now(),
    data: { account: `voucher-${id}`, method: 'voucher' },
  })
  const page = await openPage(t, browser, 'en-GB')
  t.ok(
    await until(async () => {
      await page.goto(gateway.url)
      return (await page.getByRole('heading', { name: 'You are online' }).count()) === 1
    }),
  )
  t.match(page.url(), `:${instance.gatewayPort}/`)
  await page.getByRole('button', { name: 'Log out' }).click()
  await page.getByRole('heading', { name: 'You are logged out' }).waitFor()
  await inWindow(t, gateway.url, async (window) => {
    await window.getByLabel('Voucher code').waitFor()
    t.equal(await window.getByRole('button', { name: 'Connect again' }).count(), 0)
  })
  await page.goto(gateway.url)
  await page.getByLabel('Voucher code').waitFor()
})

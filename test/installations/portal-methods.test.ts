import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { mkdirSync, writeFileSync } from 'node:fs'
import { chromium } from 'playwright-core'
import t from 'tap'
import { createLogger } from '../../common/logger.ts'
import { FileAccessLog } from '../../access/journal-log.ts'
import { createVouchers } from '../../access/vouchers.ts'
import { requireCommand } from '../helpers/commands.ts'
import { Instance } from '../helpers/instance.ts'
import { portalBrowser } from '../helpers/portal-browser.ts'
import { SimulatedGateway } from '../helpers/simulated-gateway.ts'
import { until } from '../helpers/until.ts'

/* A real browser logs in with a scanned voucher and with a one-time code, comes back with one click, and sees the look of its gateway. */

const SECRET = 'a secret of this test'
const executablePath = requireCommand(t, 'chromium', 'chromium')
const directory = t.testdir({ data: {}, screenshots: {} })
const { look, openPage, withoutCookies } = portalBrowser(executablePath, join(directory, 'screenshots'))

t.test('a browser uses the ways of logging in', { skip: executablePath === null }, async (t) => {
  const service = createServer((request, response) => {
    let body = ''
    request.on('data', (chunk: Buffer) => (body += String(chunk)))
    request.on('end', () => {
      const { step, code } = JSON.parse(body) as Record<string, string>
      response.end(JSON.stringify(step === 'send' ? { sent: true } : { allow: code === '123456' }))
    })
  })
  await new Promise<void>((resolve) => service.listen(0, '127.0.0.1', resolve))
  t.teardown(() => service.close().closeAllConnections())
  mkdirSync(directory, { recursive: true })
  const looks = join(directory, 'looks.yaml')
  writeFileSync(
    looks,
    `looks:
  - name: hotel
    gateways: 'hotel-*'
    texts: { brand: Hotel Post }
    colours: { accent: '#8a1c2b' }
    dark: { accent: '#ffb3ba' }
    methods: [code]
`,
  )
  const policies = join(directory, 'policies.yaml')
  writeFileSync(policies, 'limits: [{ name: fair, vouchers: fair, quota: 1 GB, session: 2h }]\n')
  const instance = await Instance.create(join(directory, 'data'), {
    GATEPOST_LOGIN: 'click,voucher,code',
    GATEPOST_SECRET: SECRET,
    GATEPOST_CODE_WEBHOOK_URL: `http://127.0.0.1:${(service.address() as AddressInfo).port}/`,
    GATEPOST_CODE_WEBHOOK_SECRET: 'a secret of the service',
    GATEPOST_REMEMBER_DEVICE: '30d',
    GATEPOST_PORTAL_LOOKS: looks,
    GATEPOST_POLICIES: policies,
  })
  t.teardown(() => instance.destroy())
  await instance.start()
  const access = await FileAccessLog.open(instance.dataDir, createLogger('test'))
  t.teardown(() => access.close())
  const gatewayOf = async (gwId: string) => {
    const gateway = await new SimulatedGateway(gwId, instance.gatewayPort).listen()
    t.teardown(() => gateway.close())
    // Its clients come from its address, as behind NAT.
    const data = { address: '127.0.0.1', sources: ['127.0.0.1'], routed: false }
    const entry = { verdict: 'allow', reason: '', until: null, updatedAt: Date.now(), data } as const
    await access.put(`registration:${gwId}`, entry)
    return gateway
  }
  const hall = await gatewayOf('001217DA42D2')
  const hotel = await gatewayOf('hotel-7')
  const order = { count: 1, validForMs: 86_400_000, maxDevices: 1, label: 'fair', now: Date.now() }
  const [{ code }] = await createVouchers(access, SECRET, order)
  const browser = await chromium.launch({ executablePath: executablePath as string, args: ['--no-sandbox'] })
  t.teardown(() => browser.close())

  await t.test('a scanned voucher is filled in, and its limits are shown', async (t) => {
    const page = await openPage(t, browser, 'en-GB')
    await page.goto(`${hall.url}/start?voucher=${code}`)
    t.equal(await page.getByLabel('Voucher code').inputValue(), code)
    await look(t, page, 'voucher-scanned')
    await page.getByRole('button', { name: 'Connect with voucher' }).click()
    await page.getByRole('heading', { name: 'You are online' }).waitFor()
    t.match(await page.textContent('body'), 'Data left: about 1 GB')
    t.match(await page.textContent('body'), /Time left: (2 hours|1 hour)/)
    await look(t, page, 'voucher-online')
    t.equal(await hall.counters(1, 1), 1)
  })

  await t.test('the device comes back with one click, without cookies', async (t) => {
    const { context, page } = await withoutCookies(t)
    await page.goto(hall.url)
    await look(t, page, 'remembered')
    await page.getByRole('button', { name: 'Connect again' }).click()
    await page.getByRole('heading', { name: 'You are online' }).waitFor()
    t.equal(await hall.counters(1, 1), 1)
    t.same(await context.cookies(), [])
  })

  await t.test('a one-time code, in the look of the hotel', async (t) => {
    const page = await openPage(t, browser, 'de-DE')
    await page.goto(hotel.url)
    t.match(await page.title(), 'Hotel Post')
    t.equal(await page.getByRole('button', { name: 'Nutzungsbedingungen' }).count(), 0, 'no click-through here')
    await look(t, page, 'hotel-code')
    await page.getByLabel('Telefonnummer').fill('+49 30 901820')
    await page.getByRole('button', { name: 'Code senden' }).click()
    await page.getByText('+4930901820').waitFor()
    await look(t, page, 'hotel-code-sent')
    await page.getByLabel('Code', { exact: true }).fill('000000')
    await page.getByRole('button', { name: 'Anmelden' }).click()
    await page.getByRole('alert').waitFor()
    await look(t, page, 'hotel-code-wrong')
    await page.getByLabel('Code', { exact: true }).fill('123456')
    await page.getByRole('button', { name: 'Anmelden' }).click()
    await page.getByRole('heading', { name: 'Sie sind online' }).waitFor()
    t.ok(await until(async () => (await hotel.counters(1, 1)) === 1))
  })
})

import { join } from 'node:path'
import { chromium } from 'playwright-core'
import t from 'tap'
import { createLogger } from '../../common/logger.ts'
import { FileAccessLog } from '../../access/journal-log.ts'
import { requireCommand } from '../helpers/commands.ts'
import { Instance } from '../helpers/instance.ts'
import { CLIENT, startProvider } from '../helpers/oidc-provider.ts'
import { SimulatedGateway } from '../helpers/simulated-gateway.ts'
import { NEVER_MS } from '../helpers/until.ts'

/* A browser goes online with a login at a real OpenID Connect provider, through a gateway. */

const executablePath = requireCommand(t, 'chromium', 'chromium')
const directory = t.testdir({ data: {}, screenshots: {} })

t.test('OpenID Connect in a browser', { skip: executablePath === null }, async (t) => {
  const instance = await Instance.create(join(directory, 'data'), { GATEPOST_LOGIN: 'click,oidc' })
  t.teardown(() => instance.destroy())
  const portal = `http://127.0.0.1:${instance.gatewayPort}`
  const provider = await startProvider(t, `${portal}/login/`)
  await instance.start({
    GATEPOST_PORTAL_URL: portal,
    GATEPOST_OIDC_ISSUER: provider.issuer,
    GATEPOST_OIDC_CLIENT_ID: CLIENT.id,
    GATEPOST_OIDC_CLIENT_SECRET: CLIENT.secret,
    GATEPOST_OIDC_NAME: 'Town ID',
  })
  const gateway = await new SimulatedGateway('001217DA42D2', instance.gatewayPort).listen()
  t.teardown(() => gateway.close())
  const access = await FileAccessLog.open(instance.dataDir, createLogger('test'))
  t.teardown(() => access.close())
  // 127.0.0.1 is not an address of a network behind a gateway: a token is sent to it only if it is registered.
  await access.put(`registration:${gateway.gwId}`, {
    verdict: 'allow',
    reason: '',
    until: null,
    updatedAt: Date.now(),
    data: { address: '127.0.0.1', routed: false },
  })
  const browser = await chromium.launch({ executablePath: executablePath as string, args: ['--no-sandbox'] })
  t.teardown(() => browser.close())
  const context = await browser.newContext({
    locale: 'en-GB',
    javaScriptEnabled: false,
    viewport: { width: 320, height: 568 },
  })
  context.setDefaultTimeout(NEVER_MS)
  const page = await context.newPage()
  const refused: string[] = []
  page.on('console', (message) => {
    if (message.text().includes('Content Security Policy') && !page.url().startsWith(provider.issuer))
      refused.push(message.text())
  })
  await page.goto(`${gateway.url}/some/page`)
  await page.screenshot({ path: join(directory, 'screenshots', 'oidc.png'), fullPage: true })
  await page.getByRole('link', { name: 'Continue with Town ID' }).click()
  await page.getByPlaceholder('Enter any login').fill('alice')
  await page.getByPlaceholder('and password').fill('any')
  await page.getByRole('button', { name: 'Sign-in' }).click()
  await page.getByRole('button', { name: 'Continue' }).click()
  await page.getByRole('heading', { name: 'You are online' }).waitFor()
  t.equal(await gateway.counters(1, 1), 1)
  t.same(refused, [])
  const rows = await instance.queryUntil('SELECT method, account FROM portal_sessions', (found) => found.length > 0)
  t.same(rows, [{ method: 'oidc', account: 'alice@example.org' }])
  t.notMatch(instance.output, CLIENT.secret)
})

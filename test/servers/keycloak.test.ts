import { join } from 'node:path'
import { chromium, type Page } from 'playwright-core'
import t, { type Test } from 'tap'
import { FileAccessLog } from '../../access/journal-log.ts'
import { createLogger } from '../../common/logger.ts'
import { packageFile } from '../../common/package-root.ts'
import type { Finding } from '../../runtime/doctor/finding.ts'
import { requireCommand } from '../helpers/commands.ts'
import { Instance } from '../helpers/instance.ts'
import { startKeycloak, withoutKeycloak } from '../helpers/keycloak.ts'
import { run } from '../helpers/run.ts'
import { SimulatedGateway } from '../helpers/simulated-gateway.ts'
import { NEVER_MS } from '../helpers/until.ts'

/* Guests log in with Keycloak, set up as docs/portal.md says. */

const executablePath = requireCommand(t, 'chromium', 'chromium')
const SECRET = 'a secret of the client'

/** What its admin console exports of such a realm. */
const realm = (portal: string) => ({
  realm: 'town',
  enabled: true,
  clients: [
    {
      clientId: 'gatepost',
      secret: SECRET,
      publicClient: false,
      standardFlowEnabled: true,
      redirectUris: [`${portal}/login/`],
      attributes: { 'pkce.code.challenge.method': 'S256' },
    },
  ],
  users: [
    { name: 'alice', emailVerified: true },
    { name: 'carol', emailVerified: false },
  ].map(({ name, emailVerified }) => ({
    username: name,
    enabled: true,
    email: `${name}@example.org`,
    emailVerified,
    firstName: name,
    lastName: 'Example',
    credentials: [{ type: 'password', value: `the password of ${name}` }],
  })),
})

async function opened(t: Test) {
  const instance = await Instance.create(join(t.testdir({ data: {} }), 'data'), { GATEPOST_LOGIN: 'click,oidc' })
  t.teardown(() => instance.destroy())
  const portal = `http://127.0.0.1:${instance.gatewayPort}`
  const keycloak = await startKeycloak()
  t.teardown(() => keycloak.stop())
  await keycloak.admin('POST', '', realm(portal))
  const [client] = await keycloak.admin<{ id: string }[]>('GET', '/town/clients?clientId=gatepost')
  const env = {
    GATEPOST_PORTAL_URL: portal,
    GATEPOST_OIDC_ISSUER: `${keycloak.url}/realms/town`,
    GATEPOST_OIDC_CLIENT_ID: 'gatepost',
    GATEPOST_OIDC_CLIENT_SECRET: SECRET,
    GATEPOST_OIDC_NAME: 'Town ID',
  }
  await instance.start(env)
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
  return {
    instance,
    keycloak,
    gateway,
    env,
    /** Settings of the client at Keycloak. */
    set: (changed: object) => keycloak.admin('PUT', `/town/clients/${client.id}`, changed),
    /** A browser that was never there. */
    guest: async ({ javaScriptEnabled = false } = {}): Promise<Page> => {
      const context = await browser.newContext({ locale: 'en-GB', javaScriptEnabled })
      context.setDefaultTimeout(NEVER_MS)
      return context.newPage()
    },
    /** From a page of the web to the portal, and on to Keycloak. */
    leave: async (page: Page): Promise<void> => {
      await page.goto(`${gateway.url}/some/page`)
      await page.getByRole('link', { name: 'Continue with Town ID' }).click()
    },
    doctor: async (changed: Record<string, string> = {}): Promise<Finding | undefined> => {
      const words = [packageFile('bin/gatepost'), 'doctor', '--json']
      const { stdout } = await run(process.execPath, words, { env: { ...instance.env, ...env, ...changed } })
      const { findings } = JSON.parse(stdout) as { findings: Finding[] }
      return findings.find(({ check }) => check === 'openid connect')
    },
    counted: async (outcome: string): Promise<number> => {
      const text = await (await fetch(instance.url('/metrics', instance.metricsPort))).text()
      const line = new RegExp(`^gatepost_portal_logins_total\\{method="oidc",outcome="${outcome}"[^}]*\\} (\\d+)`, 'm')
      return Number(line.exec(text)?.[1] ?? 0)
    },
  }
}

async function logIn(page: Page, name: string, password = `the password of ${name}`): Promise<void> {
  await page.getByLabel('Username or email').fill(name)
  await page.getByLabel('Password', { exact: true }).fill(password)
  await page.getByRole('button', { name: 'Sign In' }).click()
}

const options = { skip: withoutKeycloak || (executablePath === null ? 'no browser' : false) }

t.test('guests with an account at Keycloak', options, async (t) => {
  const { instance, keycloak, gateway, env, set, guest, leave, doctor, counted } = await opened(t)

  await t.test('online, out, and online again without a password', async (t) => {
    const page = await guest()
    await leave(page)
    await logIn(page, 'alice', 'wrong')
    await page.getByText('Invalid username or password').waitFor()
    await logIn(page, 'alice')
    await page.getByRole('heading', { name: 'You are online' }).waitFor()
    t.equal(await gateway.counters(1, 1), 1)
    await page.getByRole('link', { name: 'Log out' }).click()
    await page.getByText('You are logged out').waitFor()
    await leave(page)
    await page.getByRole('heading', { name: 'You are online' }).waitFor()
    const rows = await instance.queryUntil('SELECT method, account FROM portal_sessions', (found) => found.length > 1)
    t.strictSame(rows, Array(2).fill({ method: 'oidc', account: 'alice@example.org' }))
    t.equal(await counted('granted'), 2)
    await page.goto(`${env.GATEPOST_OIDC_ISSUER}/protocol/openid-connect/logout`)
    await page.getByRole('button', { name: 'Logout' }).click()
    await page.getByRole('heading', { name: 'You are logged out' }).waitFor()
    await leave(page)
    await logIn(page, 'alice', 'wrong')
    await page.getByText('Invalid username or password').waitFor()
  })

  await t.test('the walled garden needs no other host, with scripts either', async (t) => {
    const page = await guest({ javaScriptEnabled: true })
    const hosts = new Set<string>()
    page.on('request', (request) => hosts.add(new URL(request.url()).host))
    await leave(page)
    await page.waitForLoadState('networkidle')
    await logIn(page, 'alice')
    await page.getByRole('heading', { name: 'You are online' }).waitFor()
    t.same(
      [...hosts].sort(),
      [gateway.url, env.GATEPOST_PORTAL_URL, keycloak.url].map((url) => new URL(url).host).sort(),
    )
  })

  await t.test('whose address is not verified, or who refuses', async (t) => {
    const page = await guest()
    await leave(page)
    await logIn(page, 'carol')
    await page.getByRole('alert').getByText('did not work, or was cancelled').waitFor()
    t.match(instance.output, /"event":"portal.oidc_claim_missing".*has not verified/)
    await set({ consentRequired: true })
    const other = await guest()
    await leave(other)
    await logIn(other, 'alice')
    await other.getByRole('button', { name: 'No' }).click()
    await other.getByRole('alert').getByText('did not work, or was cancelled').waitFor()
    await set({ consentRequired: false })
    t.equal(await counted('refused'), 2)
    t.equal(await counted('unavailable'), 0)
    t.notMatch(instance.output, 'portal.oidc_rejected', 'nothing is set up wrongly')
  })

  await t.test('after a change of the keys of the realm', async (t) => {
    const { id } = await keycloak.admin<{ id: string }>('GET', '/town')
    const config = { priority: ['500'], active: ['true'], enabled: ['true'], algorithm: ['RS256'] }
    const provider = { providerId: 'rsa-generated', providerType: 'org.keycloak.keys.KeyProvider', parentId: id }
    await keycloak.admin('POST', '/town/components', { name: 'new', ...provider, config })
    const page = await guest()
    await leave(page)
    await logIn(page, 'alice')
    await page.getByRole('heading', { name: 'You are online' }).waitFor()
    t.equal(await counted('granted'), 4)
  })

  await t.test('what is set up wrongly: the page, the log and gatepost doctor', async (t) => {
    t.match(await doctor(), { level: 'ok' })
    t.match(await doctor({ GATEPOST_OIDC_ISSUER: `${env.GATEPOST_OIDC_ISSUER}/` }), { found: 'another issuer' })
    t.match(await doctor({ GATEPOST_OIDC_CLIENT_ID: 'nobody' }), { level: 'problem', found: '400' })
    t.match(await doctor({ GATEPOST_OIDC_SCOPE: 'openid emial' }), { level: 'problem', found: 'invalid_scope' })
    const uri = `${env.GATEPOST_PORTAL_URL}/wifidog`
    t.match(await doctor({ GATEPOST_PORTAL_URL: uri }), { level: 'problem', advice: `${uri}/login/` })

    await set({ standardFlowEnabled: false })
    const page = await guest()
    await leave(page)
    await page.getByRole('alert').getByText('did not work, or was cancelled').waitFor()
    t.match(instance.output, /"event":"portal.oidc_rejected","error":"unauthorized_client: [^"]*Standard flow/)
    t.match(await doctor(), { level: 'problem', found: 'Standard flow' })

    await set({ standardFlowEnabled: true, secret: 'another secret' })
    await leave(page)
    await logIn(page, 'alice')
    await page.getByRole('alert').getByText('not possible at the moment').waitFor()
    t.match(instance.output, /"event":"portal.oidc_failed","error":"unauthorized_client: /)
    t.match(await doctor(), { level: 'problem', advice: /GATEPOST_OIDC_CLIENT_SECRET/ })
    await set({ secret: SECRET })
    t.match(await doctor(), { level: 'ok' })
  })

  await t.test('while Keycloak is down', async (t) => {
    await instance.stop()
    await keycloak.stop()
    await instance.start(env)
    const page = await guest()
    await leave(page)
    await page.getByRole('alert').getByText('not possible at the moment').waitFor()
    t.match(instance.output, /"event":"portal.oidc_metadata_failed","error":"[^"]*ECONNREFUSED/)
    t.equal(await counted('unavailable'), 1)
    t.match(await doctor(), { level: 'problem', found: 'ECONNREFUSED' })
  })
  t.notMatch(instance.output, SECRET)
})

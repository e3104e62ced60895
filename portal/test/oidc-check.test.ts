import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import t from 'tap'
import { CLIENT, startProvider } from '../../test/helpers/oidc-provider.ts'
import { checkProvider } from '../oidc-check.ts'

/* What `gatepost doctor` says about an OpenID Connect provider, with a real one. */

const PORTAL = 'http://wifi.example.org/wifidog'
const OPTIONS = {
  clientId: CLIENT.id,
  clientSecret: CLIENT.secret,
  name: 'Town ID',
  claim: 'email',
  scope: 'openid email',
}

t.test('a client that is set up, and what can be wrong with it', async (t) => {
  const { issuer } = await startProvider(t, `${PORTAL}/login/`)
  const options = { ...OPTIONS, issuer }
  t.equal(await checkProvider(options, PORTAL), null)
  t.equal(await checkProvider(options, `${PORTAL}/`), null)
  t.match(await checkProvider({ ...options, clientSecret: 'another secret' }, PORTAL), {
    found: /invalid_client/,
    advice: /GATEPOST_OIDC_CLIENT_SECRET/,
  })
  t.match(await checkProvider({ ...options, clientId: 'nobody' }, PORTAL), {
    found: '400',
    advice: /GATEPOST_OIDC_CLIENT_ID/,
  })
  t.match(await checkProvider(options, 'http://elsewhere.example.org'), {
    found: '400',
    advice: 'http://elsewhere.example.org/login/',
  })
  t.match(await checkProvider({ ...options, issuer: `${issuer}/realm` }, PORTAL), { found: '(404)' })
})

t.test(
  'metadata of another issuer: a slash too many, or the template of Microsoft Entra at another host',
  async (t) => {
    const issuers = ['/realm', '/{tenantid}/v2.0']
    const server = createServer((request, response) => {
      const issuer = `http://${request.headers.host as string}${issuers.shift() as string}`
      response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ issuer }))
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    t.teardown(() => server.close().closeAllConnections())
    const base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    const slash = await checkProvider({ ...OPTIONS, issuer: `${base}/realm/` }, PORTAL)
    t.match(slash?.found, `${base}/realm/ name another issuer: ${base}/realm`)
    const template = await checkProvider({ ...OPTIONS, issuer: `${base}/common/v2.0` }, PORTAL)
    t.match(template?.found, `another issuer: ${base}/{tenantid}/v2.0`)
  },
)

t.test('nobody answers', async (t) => {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  await new Promise((resolve) => server.close(resolve))
  const wrong = await checkProvider({ ...OPTIONS, issuer }, PORTAL)
  t.match(wrong, { found: 'ECONNREFUSED', advice: /GATEPOST_OIDC_ISSUER/ })
})

import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Provider } from 'oidc-provider'
import type { Test } from 'tap'

export interface RealProvider {
  readonly issuer: string
  /** Logs somebody in at the provider, as a browser there does. @returns where the provider sends the browser */
  logIn(target: string, login: string): Promise<string>
  /** Refuses to, as somebody does who cancels. */
  cancel(target: string): Promise<string>
}

export const CLIENT = { id: 'gatepost', secret: 'a secret of the client' } as const

/** An OpenID Connect provider. Everybody who is called `unverified…` has an address that was not verified; any password is right. */
export async function startProvider(t: Test, redirectUri: string): Promise<RealProvider> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const provider = new Provider(issuer, {
    clients: [{ client_id: CLIENT.id, client_secret: CLIENT.secret, redirect_uris: [redirectUri] }],
    claims: { openid: ['sub'], email: ['email', 'email_verified'] },
    pkce: { required: () => true },
    cookies: { keys: ['of this test'] },
    findAccount: (_context, id) => ({
      accountId: id,
      claims: () => ({ sub: id, email: `${id}@Example.org`, email_verified: !id.startsWith('unverified') }),
    }),
  })
  const handle = provider.callback()
  server.on('request', (request, response) => void handle(request, response))
  t.teardown(() => server.close().closeAllConnections())

  const browser = () => {
    const cookies = new Map<string, string>()
    return async (address: string, form?: Record<string, string>): Promise<Response> => {
      const response = await fetch(address, {
        redirect: 'manual',
        headers: { cookie: [...cookies].map(([name, value]) => `${name}=${value}`).join('; ') },
        ...(form === undefined ? {} : { method: 'POST', body: new URLSearchParams(form) }),
      })
      for (const cookie of response.headers.getSetCookie()) {
        const [, name, value] = /^([^=]+)=([^;]*)/.exec(cookie) as unknown as [string, string, string]
        cookies.set(name, value)
      }
      return response
    }
  }
  /** Follows the provider's own redirects, and fills in its forms. */
  const follow = async (target: string, fill: (prompt: string) => Record<string, string> | null): Promise<string> => {
    const go = browser()
    let address = target
    for (let step = 0; step < 20 && address.startsWith(issuer); step++) {
      let response = await go(address)
      if (response.status === 200) {
        const html = await response.text()
        const prompt = /name="prompt" value="(\w+)"/.exec(html)?.[1] ?? ''
        const fields = fill(prompt)
        response = fields === null ? await go(`${address}/abort`) : await go(address, { prompt, ...fields })
      }
      const location = response.headers.get('location')
      if (location === null) throw new Error(`the provider answered ${response.status} ${await response.text()}`)
      address = new URL(location, address).href
    }
    return address
  }
  return {
    issuer,
    logIn: (target, login) => follow(target, (prompt) => (prompt === 'login' ? { login, password: 'any' } : {})),
    cancel: (target) => follow(target, () => null),
  }
}

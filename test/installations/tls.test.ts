import { execFile } from 'node:child_process'
import { copyFileSync, renameSync, writeFileSync } from 'node:fs'
import { request, Agent } from 'node:https'
import { join } from 'node:path'
import { connect } from 'node:tls'
import { promisify } from 'node:util'
import t from 'tap'
import { makeCertificate } from '../helpers/certificate.ts'
import { requireCommand } from '../helpers/commands.ts'
import { Instance } from '../helpers/instance.ts'
import { until } from '../helpers/until.ts'

/* TLS of our own listeners, with real clients, and certificates that are replaced while requests are answered. */

const run = promisify(execFile)
const PING = '/ping/?gw_id=tls&sys_uptime=1&sys_memfree=2&sys_load=0.1&wifidog_uptime=4'

/** The name in the certificate that a listener shows. */
function nameAt(port: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: '127.0.0.1', port, rejectUnauthorized: false }, () => {
      resolve(String(socket.getPeerCertificate().subject.CN))
      socket.destroy()
    })
    socket.once('error', reject)
  })
}

t.test('listeners and dashboard with a certificate of their own', async (t) => {
  const curl = requireCommand(t, 'curl', 'curl')
  const openssl = requireCommand(t, 'openssl', 'openssl')
  if (curl === null || openssl === null) return
  const directory = t.testdir({ data: {} })
  const file = (name: string) => join(directory, name)
  for (const name of ['first', 'second', 'third']) makeCertificate(directory, name)
  /** As certbot and Kubernetes do: each file is replaced at once, one after the other. */
  const use = (name: string) => {
    for (const end of ['key', 'pem']) {
      copyFileSync(file(`${name}.${end}`), file('new'))
      renameSync(file('new'), file(`current.${end}`))
    }
  }
  use('first')

  const instance = await Instance.create(join(directory, 'data'), {
    GATEPOST_WORKERS: '2',
    GATEPOST_TLS_CERT: file('current.pem'),
    GATEPOST_TLS_KEY: file('current.key'),
  })
  t.teardown(() => instance.destroy())

  const wrongKey = await instance.refused({ GATEPOST_TLS_KEY: file('second.key') })
  t.equal(wrongKey.status, 2)
  t.match(wrongKey.output, /GATEPOST_TLS_KEY=\S+second\.key: is not the key of the certificate/)
  t.match(
    (await instance.refused({ GATEPOST_TLS_CERT: file('none.pem') })).output,
    /TLS_CERT=\S+: cannot be read: ENOENT/,
  )
  t.match((await instance.refused({ GATEPOST_TLS_KEY: '' })).output, /go together: GATEPOST_TLS_KEY is not set/)

  await instance.start()
  const { ingestPort, gatewayPort, dashboardPort } = instance
  const ports = [ingestPort, gatewayPort, dashboardPort]
  t.match(instance.output, `https://127.0.0.1:${ingestPort}`)

  await t.test('curl and a gateway of HTTP/1.0', async (t) => {
    const fetchIt = (url: string, ...more: string[]) => run(curl, ['-sS', '--cacert', file('first.pem'), ...more, url])
    for (const port of [ingestPort, gatewayPort])
      t.equal((await fetchIt(`https://127.0.0.1:${port}${PING}`)).stdout, 'Pong')
    t.equal((await fetchIt(`https://127.0.0.1:${gatewayPort}${PING}`, '--http1.0')).stdout, 'Pong')
    t.match((await fetchIt(`https://127.0.0.1:${dashboardPort}/api/whoami`)).stdout, /local/)
    const login = '{"username":"tls","authentication_result":"Access-Accept"}'
    const posted = await fetchIt(`https://127.0.0.1:${ingestPort}/logging/post-auth`, '-d', login, '-i')
    t.match(posted.stdout, /^HTTP\/1\.1 204 /)
    const plain = ['-sS', '-w', '%{http_code} %{redirect_url}', `http://127.0.0.1:${gatewayPort}${PING}`]
    t.equal((await run(curl, plain)).stdout, `307 https://127.0.0.1:${gatewayPort}${PING}`)
    for (const port of ports) {
      await t.rejects(run(curl, ['-sS', `https://127.0.0.1:${port}/`]), /certificate/, 'it is not trusted by everybody')
      if (port !== gatewayPort) await t.rejects(run(curl, ['-sSf', `http://127.0.0.1:${port}/`]), 'no plain HTTP')
      await t.rejects(
        run('sh', ['-c', `echo | "${openssl}" s_client -tls1_1 -cipher ALL@SECLEVEL=0 -connect 127.0.0.1:${port}`]),
        /alert|version|unsupported/i,
        'no TLS 1.1',
      )
    }
  })

  await t.test('no request fails that was sent while a certificate changes', async (t) => {
    // One connection that stays, and new ones all the time.
    const kept = new Agent({ keepAlive: true, maxSockets: 1 })
    const failures: string[] = []
    const localPorts = new Set<number | undefined>()
    let answered = 0
    let running = true
    const ask = (agent: Agent | false, port: number) =>
      new Promise<void>((resolve) => {
        let sent = false
        const asked = request({ host: '127.0.0.1', port, path: PING, agent, rejectUnauthorized: false }, (response) => {
          if (agent) localPorts.add(response.socket.localPort)
          response.resume().once('end', () => {
            answered++
            resolve()
          })
        })
        asked.once('socket', (socket) => {
          if (asked.reusedSocket) sent = true
          else socket.once('secureConnect', () => (sent = true))
        })
        asked.once('error', (error) => {
          // An attempt to connect may be in the queue of the socket that stops listening.
          if (sent) failures.push(error.message)
          resolve()
        })
        asked.end()
      })
    const asking = [kept, false as const, false as const].flatMap((agent) =>
      (agent === false ? [ingestPort, gatewayPort] : [ingestPort]).map(async (port) => {
        while (running) await ask(agent, port)
      }),
    )
    const shownEverywhere = (name: string) =>
      until(async () => (await Promise.all([...ports, ...ports].map(nameAt))).every((shown) => shown === name))

    use('second')
    t.ok(await shownEverywhere('second'), 'when the files change')
    use('third')
    process.kill(instance.pid, 'SIGHUP')
    t.ok(await shownEverywhere('third'), 'on SIGHUP')
    writeFileSync(file('current.pem'), 'not a certificate')
    t.ok(await until(() => (instance.output.match(/the changed certificate cannot be used/g)?.length ?? 0) >= 3))
    t.ok(await shownEverywhere('third'), 'a broken file changes nothing')
    const metrics = await (await fetch(instance.url('/metrics', instance.metricsPort))).text()
    t.match(metrics, /^gatepost_tls_reload_failures_total\{?.*\}? [1-9]/m)
    t.match(metrics, /^gatepost_tls_certificate_expires_timestamp_seconds\{?.*\}? \d{10}$/m)
    running = false
    await Promise.all(asking)
    kept.destroy()
    t.same(failures, [])
    t.equal(localPorts.size, 1, 'the connection that stays is the same all the time')
    t.ok(answered > 100, `${answered} requests`)
  })

  await t.test('a listener without TLS beside the others', async (t) => {
    t.equal(await instance.stop(), 0)
    use('first')
    await instance.start({ GATEPOST_TLS_LISTENERS: 'bulk' })
    t.equal(await (await fetch(instance.url(PING, gatewayPort))).text(), 'Pong')
    t.equal(await nameAt(ingestPort), 'first')
    t.equal((await fetch(instance.url('/', dashboardPort))).status, 200)
  })
})

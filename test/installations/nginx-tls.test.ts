import { spawn } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { get } from 'node:https'
import { join } from 'node:path'
import t from 'tap'
import { WebSocket } from 'ws'
import { packageFile } from '../../common/package-root.ts'
import { makeCertificate } from '../helpers/certificate.ts'
import { requireCommand } from '../helpers/commands.ts'
import { freePorts, Instance } from '../helpers/instance.ts'
import { until } from '../helpers/until.ts'

/* deploy/nginx with TLS, as a real apfree-wifidog was run against it: browsers on both ports, reports over TLS, and its WebSocket. */

const PING = '/wifidog/ping/?device_id=hall-router&sys_uptime=1&sys_memfree=2&sys_load=0.1&wifidog_uptime=4'

t.test('nginx with TLS takes heartbeats, pages and the WebSocket', async (t) => {
  const nginx = requireCommand(t, 'nginx', 'nginx-light')
  const openssl = requireCommand(t, 'openssl', 'openssl')
  if (nginx === null || openssl === null) return
  const directory = t.testdir({ data: {} })
  const { cert, key } = makeCertificate(directory, 'edge')
  const instance = await Instance.create(join(directory, 'data'), {
    GATEPOST_TRUSTED_PROXIES: '127.0.0.1',
    GATEPOST_GATEWAY_CHANNEL: 'on',
  })
  t.teardown(() => instance.destroy())
  await instance.start()
  const [port, tlsPort] = await freePorts(2)
  const replacements = [
    ['server 127.0.0.1:8080;', `server 127.0.0.1:${instance.ingestPort};`],
    ['server 127.0.0.1:8000;', `server 127.0.0.1:${instance.gatewayPort};`],
    ['listen 80;', `listen 127.0.0.1:${port};`],
    ['\tlisten [::]:80;\n', ''],
    ['#listen 443 ssl;', `listen 127.0.0.1:${tlsPort} ssl;`],
    ['#ssl_certificate     /etc/ssl/gatepost.pem;', `ssl_certificate ${cert};`],
    ['#ssl_certificate_key /etc/ssl/private/gatepost.key;', `ssl_certificate_key ${key};`],
  ]
  let site = readFileSync(packageFile('deploy/nginx/gatepost.conf'), 'utf8')
  for (const [from, to] of replacements) {
    t.ok(site.includes(from), from)
    site = site.replace(from, to)
  }
  writeFileSync(join(directory, 'site.conf'), site)
  const paths = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((name) => `${name}_temp_path ${name};`)
  writeFileSync(
    join(directory, 'nginx.conf'),
    `daemon off; pid nginx.pid; error_log stderr; events {} http { access_log off; ${paths.join(' ')} include site.conf; }`,
  )
  const words = ['-u', 'NODE_OPTIONS', nginx, '-p', directory, '-c', join(directory, 'nginx.conf')]
  const edge = spawn('env', words, { stdio: 'inherit' })
  t.teardown(() => edge.kill('SIGTERM'))

  const secure = (path: string) =>
    new Promise<string>((resolve, reject) => {
      get({ host: '127.0.0.1', port: tlsPort, path, rejectUnauthorized: false }, (response) => {
        let text = String(response.statusCode)
        response.on('data', (chunk: Buffer) => (text += ` ${chunk.toString()}`))
        response.on('end', () => resolve(text))
      }).on('error', reject)
    })
  t.ok(
    await until(() =>
      secure(PING).then(
        (answer) => answer === '200 Pong',
        () => false,
      ),
    ),
  )
  const login = '/wifidog/login/?gw_address=192.168.77.1&gw_port=2060&gw_id=hall-2&mac=ae:41:77:80:76:90'
  t.match(await secure(login), /^200 [^]*<form/)
  t.match(await (await fetch(`http://127.0.0.1:${port}${login}`)).text(), /<form/)

  const socket = new WebSocket(`wss://127.0.0.1:${tlsPort}/ws/wifidogx`, { rejectUnauthorized: false })
  t.teardown(() => socket.terminate())
  await new Promise((resolve, reject) => socket.once('open', resolve).once('error', reject))
  const open = async () => (await fetch(instance.url('/metrics', instance.metricsPort))).text()
  t.ok(await until(async () => /^gatepost_gateway_channels\{[^}]*\} 1$/m.test(await open())))
})

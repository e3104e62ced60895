import { spawn } from 'node:child_process'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { packageFile } from '../../common/package-root.ts'
import { requireCommand } from '../helpers/commands.ts'
import { freePorts, Instance } from '../helpers/instance.ts'
import { gatepost } from '../helpers/mixes.ts'
import { until } from '../helpers/until.ts'

/* deploy/nginx before two instances, one of which is killed again and again under load: no gateway is left without an answer. */

const LOOPS = 8
const KILLS = 3
const MAC = '02-00-00-00-00-01'

t.test('two instances behind one edge', async (t) => {
  const nginx = requireCommand(t, 'nginx', 'nginx-light')
  if (nginx === null) return
  const directory = t.testdir({ one: {}, two: {}, nginx: {} })
  const instances = await Promise.all(
    ['one', 'two'].map((name) =>
      Instance.create(join(directory, name, 'data'), {
        GATEPOST_TRUSTED_PROXIES: '127.0.0.1',
        GATEPOST_LOGIN: 'voucher',
      }),
    ),
  )
  for (const instance of instances) t.teardown(() => instance.destroy())
  await Promise.all(instances.map((instance) => instance.start()))
  const [one, two] = instances
  const [port] = await freePorts(1)
  const at = join(directory, 'nginx')
  mkdirSync(join(at, 'logs'), { recursive: true })
  const servers = instances.map(({ ingestPort }) => `server 127.0.0.1:${ingestPort};`).join('\n\t')
  const site = readFileSync(packageFile('deploy/nginx/gatepost.conf'), 'utf8')
    .replace('server 127.0.0.1:8080;', servers)
    .replace('listen 80;', `listen 127.0.0.1:${port};`)
    .replace('\tlisten [::]:80;\n', '')
  writeFileSync(join(at, 'site.conf'), site)
  const paths = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((name) => `${name}_temp_path ${at}/${name};`)
  writeFileSync(
    join(at, 'nginx.conf'),
    `daemon off; pid ${at}/nginx.pid; error_log ${at}/error.log; events {} http { access_log off; ${paths.join(' ')} include ${at}/site.conf; }`,
  )
  const edge = spawn('env', ['-u', 'NODE_OPTIONS', nginx, '-p', at, '-c', join(at, 'nginx.conf')], { stdio: 'inherit' })
  t.teardown(() => edge.kill('SIGTERM'))
  const ping = async () =>
    (
      await fetch(`http://127.0.0.1:${port}/ping?gw_id=edge&sys_uptime=1&sys_memfree=2&sys_load=0.1&wifidog_uptime=3`)
    ).text()
  t.ok(await until(async () => (await ping()) === 'Pong'))

  let sent = 0
  let stopping = false
  const wrong: string[] = []
  const loops = Array.from({ length: LOOPS }, async () => {
    while (!stopping) {
      sent++
      const answer = await ping().catch(String)
      if (answer !== 'Pong') wrong.push(answer.slice(0, 200))
    }
  })
  for (let kill = 0; kill < KILLS; kill++) {
    const before = sent
    t.ok(await until(() => sent > before + 200))
    await two.stop('SIGKILL')
    const away = sent
    t.ok(await until(() => sent > away + 200), 'the other one answers')
    await two.start()
  }
  stopping = true
  await Promise.all(loops)
  t.comment(`${sent} heartbeats`)
  t.same(wrong, [], 'every one was answered')

  t.equal((await gatepost(one, 'access', 'deny', 'mac', MAC)).status, 0)
  t.match((await gatepost(one, 'access', 'list')).stdout, MAC)
  t.notMatch((await gatepost(two, 'access', 'list')).stdout, MAC, 'instances with journals do not share decisions')
})

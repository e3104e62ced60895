import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import t from 'tap'
import { Instance } from '../helpers/instance.ts'

/* Tokens, passwords and vouchers, under any name and anywhere in a request. */

const run = promisify(execFile)

t.test('credentials are not in any file, table or message', async (t) => {
  const instance = await Instance.create(join(t.testdir({ data: {} }), 'data'), {
    GATEPOST_AUTH_MODE: 'open',
    GATEPOST_INGEST_LISTENERS: 'bulk,gateway',
  })
  t.teardown(() => instance.destroy())
  await instance.start()

  const secret = 'S3CRET7'
  const counters = 'stage=counters&ip=10.0.0.1&mac=00:11:22:33:44:55&token=t&incoming=1&outgoing=2'
  const targets = [
    `/auth/?stage=nope&token%3D${secret}`,
    `/auth/?stage=nope&token=x;x=1&a;token=${secret}`,
    `/auth/?stage=nope&amp;token=${secret}`,
    `/auth/?stage=nope?token=${secret}`,
    `/auth/?stage=login&ip=1.2.3.4?token=${secret}`,
    `/auth/?stage=nope&token[]=${secret}&x[token]=${secret}&%20token=${secret}&access_token=${secret}`,
    `/ping/?token=x&%26token=${secret}`,
    `/auth/?${counters}&user_token=${secret}&psk=${secret}&passphrase=${secret}&voucher=${secret}`,
    `/ping/?gw_id=u&sys_uptime=1&sys_memfree=2&sys_load=1&wifidog_uptime=3&url=http%3A%2F%2Fx%2F%3Ftoken%3D${secret}`,
  ]
  for (const port of [instance.ingestPort, instance.gatewayPort]) {
    for (const target of targets) t.equal((await fetch(instance.url(target, port))).status, 200, target)
    for (const body of [
      `{"authentication_result":"Access-Accept","authentication_reply":{"User-Password":"${secret}"}}`,
      `{"username":{"password":"${secret}"}}`,
      `{"password":"${secret}"`,
    ]) {
      await fetch(instance.url('/logging/post-auth', port), { method: 'POST', body })
    }
  }
  t.equal(await instance.stop(), 0)
  const { stdout } = await run('sh', ['-c', `grep -rla ${secret} "$1" || true`, 'sh', instance.dataDir])
  t.equal(stdout, '', 'in no file of the data directory')
  t.notOk(instance.output.includes(secret), 'nor in the log')
  await instance.start()
  for (const table of ['gateway_auth', 'gateway_pings', 'dead_letters', 'post_auth']) {
    t.same(
      await instance.query(`SELECT * FROM ${table} WHERE position(toString(tuple(*)), '${secret}') > 0`),
      [],
      table,
    )
  }
})

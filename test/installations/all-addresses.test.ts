import t from 'tap'
import { Instance } from '../helpers/instance.ts'
import { packageVersion } from '../../common/package-root.ts'
import { run } from '../helpers/run.ts'

/* Listeners on all addresses, as in a container: commands and the links that are printed use an address that answers. */

const PASSWORD = 'of analysts'

for (const [address, loopback] of [
  ['0.0.0.0', '127.0.0.1'],
  ['::', '[::1]'],
] as const)
  t.test(`commands reach an instance that listens on ${address}`, async (t) => {
    const instance = await Instance.create(`${t.testdirName}/data`, {
      GATEPOST_BIND: address,
      GATEPOST_PRIVATE_BIND: address,
      GATEPOST_INGEST_CREDENTIALS: 'radius-1:0123456789abcdef',
      GATEPOST_SQL_PASSWORD: PASSWORD,
      GATEPOST_DASHBOARD_PASSWORD: 'of operators',
    })
    t.teardown(() => instance.destroy())
    await instance.start()
    const gatepost = (...words: string[]) => run(process.execPath, [instance.program, ...words], { env: instance.env })

    const sessions = await gatepost('sessions', '--json')
    t.match(sessions, { status: 0, stdout: '[]' }, sessions.stderr)
    const doctor = await gatepost('doctor', '--json')
    t.match(doctor.stdout, /migrated to/, 'the tables are looked at')
    t.match(doctor.stdout, new RegExp(`${packageVersion()}, here and in the instance`))

    const hint = /curl -u default:PASSWORD '[^\n]*PrettyCompact'/.exec(instance.output)?.[0] ?? ''
    t.match(hint, `http://${loopback}:`)
    const { stdout } = await run('sh', ['-c', hint.replace('default:PASSWORD', `'default:${PASSWORD}'`)])
    t.equal(stdout, '', 'the printed command is answered, with no rows')
  })

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { Instance } from '../helpers/instance.ts'

t.test('gatepost serve imports the locations of GATEPOST_IP_LOCATIONS_URL', async (t) => {
  const directory = t.testdir()
  const file = join(directory, 'sites.csv')
  writeFileSync(file, 'ip,location_id,name\n192.0.2.1,7,Town hall\n')
  const instance = await Instance.create(join(directory, 'data'), { GATEPOST_IP_LOCATIONS_URL: file })
  t.teardown(() => instance.destroy())
  await instance.start()
  const rows = await instance.queryUntil('SELECT ip, name FROM ip_locations', (found) => found.length === 1)
  t.same(rows, [{ ip: '192.0.2.1', name: 'Town hall' }])
  const metrics = await (await fetch(instance.url('/metrics', instance.metricsPort))).text()
  t.match(metrics, /^gatepost_ip_locations_failures_total\{process="store"\} 0$/m)
  t.match(metrics, /^gatepost_ip_locations_imported_timestamp_seconds\{process="store"\} 1\d+/m)
})

import t from 'tap'
import { createLogger } from '../../../common/logger.ts'
import { startHarness } from '../../../sql-endpoint/test/harness.ts'
import { makeBatch, repeated } from '../../../schemas/test/records.ts'
import { openServerStore } from '../open.ts'

const logger = createLogger('store-test')
logger.level = 'silent'

t.test('the command line inserts batches through a running instance; admin does not', async (t) => {
  const harness = await startHarness()
  t.teardown(() => harness.close())
  const url = (user: string) => `http://${user}@127.0.0.1:${harness.endpoint.port}/gatepost`
  const store = await openServerStore({ url: url('operator:operator-key'), logger })
  t.teardown(() => store.close())
  await store.migrate()
  const batch = makeBatch('gateway_auth', Date.now() - 60_000, repeated(3))
  const ownership = await store.takeOwnership('gateway_auth', 'replay', null)
  t.same(await store.insertOnce('gateway_auth', [batch], [ownership]), { rows: 3, alreadyPresent: 0 })
  t.same(await store.insertOnce('gateway_auth', [batch]), { rows: 0, alreadyPresent: 1 }, 'as the only writer')
  t.same(await store.insertOnce('gateway_auth', [makeBatch('gateway_auth', Date.now() - 60_000, repeated(2))]), {
    rows: 2,
    alreadyPresent: 0,
  })
  await t.rejects(
    store.command("INSERT INTO gatepost.ip_locations (ip, location_id) VALUES (file('/etc/hostname'), 1)"),
  )
  await t.rejects(openServerStore({ url: url('admin:adm'), logger }), { code: 'CONFIG_INVALID' })
  await t.rejects(openServerStore({ url: url('default'), logger }), {
    code: 'CONFIG_INVALID',
    message: /GATEPOST_CLICKHOUSE_URL.*GRANT SELECT, INSERT/,
  })
})

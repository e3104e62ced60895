import t, { type Test } from 'tap'
import { createLogger } from '../../../common/logger.ts'
import { StoreServer } from '../../../test/helpers/store-server.ts'
import { storeContract } from '../../test/contract.ts'
import { openServerStore } from '../open.ts'

/* The view of gateways, whose SQL is that of the embedded store, is in test/installations/server-views.test.ts. */

const logger = createLogger('store-test')
logger.level = 'silent'

storeContract(t, 'server', async (t: Test) => {
  const server = await StoreServer.start(t.testdir() + '/server')
  t.teardown(() => server.stop())
  return await openServerStore({ url: server.url(), logger })
})

// A real server; the test drops its database gatepost.
const real = process.env['GATEPOST_TEST_CLICKHOUSE_URL']
if (real !== undefined && real !== '') {
  storeContract(t, 'a ClickHouse server', async () => {
    const store = await openServerStore({ url: real, logger })
    await store.command('DROP DATABASE IF EXISTS gatepost SYNC')
    return store
  })
}

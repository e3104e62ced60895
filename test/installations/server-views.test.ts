import t, { type Test } from 'tap'
import { createLogger } from '../../common/logger.ts'
import { StoreServer } from '../helpers/store-server.ts'
import { storeViews } from '../../store/test/contract.ts'
import { openServerStore } from '../../store/server/open.ts'

const logger = createLogger('store-test')
logger.level = 'silent'

storeViews(t, 'server', async (t: Test) => {
  const server = await StoreServer.start(t.testdir() + '/server')
  t.teardown(() => server.stop())
  return await openServerStore({ url: server.url(), logger })
})

// A real server; the test drops its database gatepost.
const real = process.env['GATEPOST_TEST_CLICKHOUSE_URL']
if (real !== undefined && real !== '') {
  storeViews(t, 'a ClickHouse server', async () => {
    const store = await openServerStore({ url: real, logger })
    await store.command('DROP DATABASE IF EXISTS gatepost SYNC')
    return store
  })
}

import type { Test } from 'tap'
import { createLogger } from '../../../common/logger.ts'
import { StoreServer } from '../../../test/helpers/store-server.ts'
import type { Store } from '../../contract.ts'
import { openServerStore } from '../open.ts'

/** Calls a contract with the name of each kind of server that there is here, and how to open a store of it. */
export function eachServer(contract: (name: string, open: (t: Test) => Promise<Store>) => void): void {
  const logger = createLogger('store-test')
  logger.level = 'silent'
  contract('server', async (t) => {
    const server = await StoreServer.start(t.testdir() + '/server')
    t.teardown(() => server.stop())
    return await openServerStore({ url: server.url(), logger })
  })
  // A real server; the test drops its database gatepost.
  const real = process.env['GATEPOST_TEST_CLICKHOUSE_URL']
  if (real === undefined || real === '') return
  contract('a ClickHouse server', async () => {
    const store = await openServerStore({ url: real, logger })
    await store.command('DROP DATABASE IF EXISTS gatepost SYNC')
    return store
  })
}

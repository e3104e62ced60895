/**
 * Child process of the kill test: inserts a fixed log into an embedded store, from the log's beginning, and then sends `done`.
 * Arguments: the store's directory, and the time at which the log's first record was received. Sends `started` when it begins to insert.
 */
import { createLogger } from '../../common/logger.ts'
import { openEmbeddedStore } from '../../store/embedded/open.ts'
import { startAggregator } from '../aggregator.ts'
import { fixedLog } from './fixed-log.ts'

const logger = createLogger('insert-until-killed')
logger.level = 'error'
const store = await openEmbeddedStore({ path: process.argv[2], logger, lockWaitMs: 10_000 })
await store.migrate()
process.send?.('started')
const { log } = fixedLog(Number(process.argv[3]))
const aggregator = startAggregator({ reader: log, store, logger, gatherMaxBytes: 20_000, gatherMaxMs: 0 })
await aggregator.stop(300_000)
await store.close()
process.send?.('done', () => process.disconnect())

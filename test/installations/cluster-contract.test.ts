import t, { type Test } from 'tap'
import { createLogger } from '../../common/logger.ts'
import { ClusterNode } from '../helpers/cluster-node.ts'
import { storeContract, storeViews } from '../../store/test/contract.ts'
import { openServerStore } from '../../store/server/open.ts'

/* The form of tables and statements in a cluster, on the engine itself, with the configuration and the rights of deploy/clickhouse. */

const logger = createLogger('store-test')
logger.level = 'silent'

const NAME = 'in the form of a cluster, on a node that stands for one'

async function open(t: Test) {
  const node = await ClusterNode.start(t.testdir() + '/node')
  t.teardown(() => node.stop())
  return await openServerStore({ url: node.url, logger, cluster: 'gatepost' })
}

storeContract(t, NAME, open, 'cluster')
storeViews(t, NAME, open, 'cluster')

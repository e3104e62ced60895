import t, { type Test } from 'tap'
import { createLogger } from '../../common/logger.ts'
import { ClusterNode } from '../helpers/cluster-node.ts'
import { storeContract } from '../../store/test/contract.ts'
import { openServerStore } from '../../store/server/open.ts'

/* The form of tables and statements in a cluster, on the engine itself, with the configuration and the rights of deploy/clickhouse. */

const logger = createLogger('store-test')
logger.level = 'silent'

storeContract(
  t,
  'in the form of a cluster, on a node that stands for one',
  async (t: Test) => {
    const node = await ClusterNode.start(t.testdir() + '/node')
    t.teardown(() => node.stop())
    return await openServerStore({ url: node.url, logger, cluster: 'gatepost' })
  },
  'cluster',
)

import t, { type Test } from 'tap'
import { createLogger } from '../../common/logger.ts'
import { openServerStore } from '../../store/server/open.ts'
import { storeContract, storeViews } from '../../store/test/contract.ts'
import { breakCluster } from './break.ts'
import { DockerCluster, withoutDocker } from './docker-cluster.ts'
import { clusterFaults } from './faults.ts'

/* deploy/clickhouse in Docker: the store suite, and every fault under inserts. `make test-cluster` runs it. */

const logger = createLogger('cluster-test')
logger.level = 'silent'

const skip = await withoutDocker()
const cluster = await DockerCluster.prepare()
const open = () => openServerStore({ url: cluster.url, logger, cluster: 'gatepost' })

t.test('a cluster in containers', { skip, timeout: 3_600_000 }, async (t: Test) => {
  t.teardown(() => cluster.end())
  await cluster.up()
  for (const contract of [storeContract, storeViews]) {
    contract(
      t,
      'two shards of two replicas',
      async () => {
        await cluster.empty()
        return open()
      },
      'cluster',
    )
  }

  t.test('faults', async (t) => {
    await cluster.empty()
    const stores = [await open(), await open()] as const
    for (const store of stores) t.teardown(() => store.close())
    await stores[0].migrate()
    await breakCluster(t, cluster, stores, clusterFaults(10_000, 40_000))
    t.ok(await cluster.replicated(), 'the replicas agree again')
    for (const service of ['clickhouse-1-1', 'clickhouse-1-2'] as const) {
      const rows = 'SELECT count(), uniqExact(batch_id, batch_index) FROM gatepost.gateway_pings_local FORMAT TSV'
      const [all, different] = (await cluster.administer(service, rows)).trim().split('\t')
      t.equal(all, different, `${service} has no row twice`)
    }
  })
})

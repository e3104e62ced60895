import type { Test } from 'tap'
import type { Store } from '../../store/contract.ts'
import type { Cluster } from './cluster.ts'
import type { ClusterFault } from './faults.ts'
import { Inserting, wrongBatches } from './inserting.ts'

/**
 * Breaks a cluster with each fault in turn, under inserts by two processes, and counts at the end.
 * @param stores both use the cluster's URL. The first one has migrated
 */
export async function breakCluster(
  t: Test,
  cluster: Cluster,
  stores: readonly [Store, Store],
  faults: readonly ClusterFault[],
): Promise<void> {
  const inserting = await Inserting.begin(stores)
  for (const fault of faults) {
    await inserting.progressed()
    await fault.run(cluster, inserting)
    const started = performance.now()
    await inserting.progressed()
    t.comment(`${fault.name}: recovered in ${((performance.now() - started) / 1000).toFixed(1)} s`)
  }
  const batches = await inserting.stop()
  t.comment(`${batches.length} batches; failed attempts: ${JSON.stringify([...inserting.failures])}`)
  t.ok(batches.length > faults.length)
  t.same(await wrongBatches(stores[0], batches), [], 'each batch is stored whole and once, and is in the view')
}

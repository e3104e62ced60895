import t from 'tap'
import { readFileSync } from 'node:fs'
import { parse } from 'yaml'
import { createLogger } from '../../common/logger.ts'
import { packageFile } from '../../common/package-root.ts'
import { openServerStore } from '../../store/server/open.ts'
import { breakCluster } from '../cluster/break.ts'
import { KEEPERS, SERVERS, type Cluster, type Service } from '../cluster/cluster.ts'
import { clusterFaults } from '../cluster/faults.ts'
import { ClusterNode } from '../helpers/cluster-node.ts'

/* The faults of `make test-cluster`, on a node that stands for Gatepost's server: what happens to the others, it does not notice. */

const logger = createLogger('cluster-test')
logger.level = 'silent'

/** @param done gets what was done to each service */
function standIn(node: ClusterNode, done: string[]): Cluster {
  const to = (service: Service, what: string, work: () => unknown) => {
    done.push(`${what} ${service}`)
    return Promise.resolve(service === SERVERS[0] ? work() : undefined).then(() => undefined)
  }
  return {
    url: node.url,
    kill: (service) => to(service, 'kill', () => node.stop()),
    start: (service) => to(service, 'start', () => node.restart()),
    pause: (service) => to(service, 'pause', () => process.kill(node.pid, 'SIGSTOP')),
    unpause: (service) => to(service, 'unpause', () => process.kill(node.pid, 'SIGCONT')),
  }
}

t.test('each fault is over when it ends, and every batch is stored once', async (t) => {
  const node = await ClusterNode.start(t.testdir() + '/node')
  t.teardown(() => node.stop())
  const open = () => openServerStore({ url: node.url, logger, cluster: 'gatepost' })
  const stores = [await open(), await open()] as const
  for (const store of stores) t.teardown(() => store.close())
  await stores[0].migrate()
  const done: string[] = []
  await breakCluster(t, standIn(node, done), stores, clusterFaults(1000, 3000))
  for (const service of [...SERVERS, ...KEEPERS])
    t.ok(
      done.some((what) => what.endsWith(` ${service}`)),
      `${service} was disturbed`,
    )
  for (const [begin, end] of [
    ['kill', 'start'],
    ['pause', 'unpause'],
  ])
    // prettier-ignore
    t.equal(
      done.filter((what) => what.startsWith(`${begin} `)).length,
      done.filter((what) => what.startsWith(`${end} `)).length,
    )
})

t.test('the services are those of the compose file', (t) => {
  const { services } = parse(readFileSync(packageFile('deploy/clickhouse/compose.yaml'), 'utf8'), { merge: true }) as {
    services: object
  }
  t.same(Object.keys(services).sort(), [...SERVERS, ...KEEPERS].sort())
  t.end()
})

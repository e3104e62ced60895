import { setTimeout as sleep } from 'node:timers/promises'
import type { Inserting } from './inserting.ts'
import { KEEPERS, SERVERS, type Cluster, type Service } from './cluster.ts'

/** What happens to a cluster while records are inserted; it is over when `run` returns. */
export interface ClusterFault {
  readonly name: string
  run(cluster: Cluster, inserting: Inserting): Promise<void>
}

const [server, replica, ...others] = SERVERS

/** @param awayMs how long something is away; @param stoppedMs the same for the server that is asked: longer than it may take to answer */
export function clusterFaults(awayMs: number, stoppedMs: number): ClusterFault[] {
  const killed = (name: string, services: readonly Service[]): ClusterFault => ({
    name,
    run: async (cluster) => {
      for (const service of services) await cluster.kill(service)
      await sleep(awayMs)
      for (const service of services) await cluster.start(service)
    },
  })
  const stopped = (name: string, service: Service, milliseconds: number): ClusterFault => ({
    name,
    run: async (cluster) => {
      await cluster.pause(service)
      await sleep(milliseconds)
      await cluster.unpause(service)
    },
  })
  return [
    killed('the replica is killed', [replica]),
    killed("Gatepost's server is killed", [server]),
    killed('another shard is killed', others),
    killed('a Keeper is away', [KEEPERS[0]]),
    killed('the quorum of Keepers is lost', [KEEPERS[0], KEEPERS[1]]),
    killed('every Keeper is killed', KEEPERS),
    stopped("Gatepost's server stops, and goes on", server, stoppedMs),
    stopped('the replica stops, and goes on', replica, awayMs),
    {
      name: 'a part of the log moves to another process, and back',
      run: async (_, inserting) => {
        for (let times = 0; times < 4; times++) await inserting.move()
      },
    },
    killed('everything is killed', [...SERVERS, ...KEEPERS]),
  ]
}

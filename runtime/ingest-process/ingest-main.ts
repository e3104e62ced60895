import { createLogger } from '../../common/logger.ts'
import { ingestMetrics } from '../../ingest/metrics.ts'
import { IngestWorker } from './worker.ts'
import { runChild } from '../child.ts'
import type { AccessLog } from '../../access/log.ts'
import type { IngestStart } from '../messages.ts'

/* One ingest worker process: requests in, batches to the record log. */

const logger = createLogger('ingest')
let worker: IngestWorker | null = null
let metrics: ReturnType<typeof ingestMetrics> | null = null
let looking: NodeJS.Timeout | null = null

const LOOK_MS = 200

/** A worker is ready once it has read the access log. Before that it answers heartbeats and logins, and auth requests with -1. */
function tellWhetherKnown(access: AccessLog, available: (available: boolean) => void): void {
  // A worker that is ready counts as available until it says otherwise.
  let told = true
  const look = () => {
    if (access.known !== told) available((told = access.known))
  }
  look()
  looking = setInterval(look, LOOK_MS)
}

runChild<IngestStart>(
  {
    async start(start, supervisor) {
      worker = await IngestWorker.start({ ...start, logger })
      metrics = ingestMetrics(worker.app, worker.bounds, worker.channels)
      worker.certificate?.addMetrics(metrics)
      tellWhetherKnown(worker.log.access, (available) => supervisor.available(available))
    },
    reload() {
      worker?.certificate?.look()
    },
    async drain() {
      if (looking !== null) clearInterval(looking)
      await worker?.drain()
    },
    metrics: async () =>
      worker === null || metrics === null ? [] : [...(await metrics.json()), ...(await worker.log.metrics())],
  },
  logger,
)

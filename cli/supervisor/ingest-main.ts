import { createLogger } from '../../common/logger.ts'
import { ingestMetrics } from '../../ingest/metrics.ts'
import { IngestWorker } from '../../ingest/worker.ts'
import { runChild } from './child.ts'
import type { IngestStart } from './messages.ts'

/* One ingest worker process: requests in, batches to the record log. */

const logger = createLogger('ingest')
let worker: IngestWorker | null = null
let metrics: ReturnType<typeof ingestMetrics> | null = null

runChild<IngestStart>(
  {
    async start(start) {
      worker = await IngestWorker.start({ ...start, logger })
      metrics = ingestMetrics(worker)
    },
    async drain() {
      await worker?.drain()
    },
    metrics: async () =>
      worker === null || metrics === null ? [] : [...(await metrics.json()), ...(await worker.log.metrics())],
  },
  logger,
)

import { createLogger } from '../../common/logger.ts'
import { lowerPriority } from '../../common/lower-priority.ts'
import { runChild } from '../child.ts'
import type { StoreStart } from '../messages.ts'
import { StoreWork } from './work.ts'

/* A process with the store: the store process of `gatepost serve`, an aggregator or a reporter. */

/** Nice value of a process that shares its machine with ingest (0 is normal, 19 the lowest priority). MEASURED: docs/benchmarks.md. */
const BACKGROUND_PRIORITY = 7

/** Answering gateways comes first: on a machine that is short of CPU, records wait in the log, not gateways for their Pong. */
const role = process.argv[2]
if (role === 'store') lowerPriority(BACKGROUND_PRIORITY)

const logger = createLogger(role)
let work: StoreWork | null = null

runChild<StoreStart>(
  {
    async start(start, supervisor) {
      work = await StoreWork.start(start, supervisor, logger)
    },
    drain: (withinMs) => work?.drain(withinMs) ?? Promise.resolve(),
    reload: () => work?.reload(),
    metrics: () => work?.metrics() ?? Promise.resolve([]),
    isAlive: () => work?.isAlive ?? true,
  },
  logger,
)

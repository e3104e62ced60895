import { pino } from 'pino'
import { IngestWorker } from '../runtime/ingest-process/worker.ts'
import { LOCAL_WRITERS } from '../ingest/writers/writers.ts'
import { announcePort } from './child.ts'

/*
 * The real ingest worker, with the settings `gatepost serve` gives it, and no store process beside it: what one core of
 * ingest takes. The journal grows until the process is ended. Arguments: journal directory, durable or fast.
 */

const [, , journal, ack] = process.argv

const worker = await IngestWorker.start({
  log: {
    kind: 'journal',
    accessDirectory: journal,
    directory: journal,
    slot: 0,
    maxBytes: 4 * 1024 ** 3,
    segmentMaxBytes: 64 * 1024 ** 2,
    sealAfterMs: 500,
  },
  bind: '127.0.0.1',
  gatewayPort: 0,
  ingestPort: 0,
  trustedProxies: [],
  writers: LOCAL_WRITERS,
  loginsKeptDays: 32,
  userNames: { rule: 'lowercase', chosen: false },
  accountingKeptDays: 32,
  probeUsers: [],
  tls: { certificate: null, listeners: [] },
  authMode: 'open',
  demoKey: null,
  portal: null,
  secrets: ['a secret for benches that signs nothing'],
  ack: ack === 'fast' ? 'fast' : 'durable',
  logger: pino({ level: 'warn' }, pino.destination({ dest: 2, sync: true })),
})
announcePort(worker.bulk.port, worker.gateway.port)

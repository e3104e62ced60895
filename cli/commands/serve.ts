import type { Command } from 'commander'
import { requireVariables } from '../../runtime/config/required.ts'
import type { Context } from '../context.ts'
import { effectiveConfig } from './effective-config.ts'

/** `gatepost serve`: everything on this machine. */
export function registerServe(program: Command, context: Context): void {
  program
    .command('serve')
    .summary('run everything on this machine')
    .description(
      'Run the listeners, the record log, the store and the dashboard, until SIGTERM or Ctrl-C. The record log is a journal in the data ' +
        'directory, or Kafka (GATEPOST_KAFKA_BROKERS, with GATEPOST_SECRET); the store is embedded, with an SQL endpoint, or a ' +
        'ClickHouse server (GATEPOST_CLICKHOUSE_URL). Options are environment variables: gatepost config lists them.',
    )
    .addHelpText(
      'after',
      `
Examples:
  gatepost serve
  GATEPOST_DATA_DIR=/var/lib/gatepost GATEPOST_BIND=0.0.0.0 \\
    GATEPOST_INGEST_CREDENTIALS=radius-1:0123456789abcdef GATEPOST_WORKERS=2 gatepost serve
  GATEPOST_CLICKHOUSE_URL=http://user:pass@host:8123/gatepost gatepost serve`,
    )
    .action(async () => {
      const config = effectiveConfig(context)
      if (config.kafkaBrokers !== undefined) requireVariables(config, 'serve (with Kafka)', ['secret'])
      const { serve } = await import('../../runtime/supervisor/serve.ts')
      context.exitStatus = await serve(config)
    })
}

import { InvalidArgumentError, type Command } from 'commander'
import { listDeadLetters } from '../../reporter/dead-letters.ts'
import { loadConfig } from '../config.ts'
import { withStore } from '../connect.ts'
import type { Context } from '../context.ts'
import { EXIT } from '../exit-code.ts'
import { table } from '../output.ts'

// All rows are held in memory.
const MAX_LIMIT = 100_000

/** `gatepost dead-letters`: what could not be stored in its own table. */
export function registerDeadLetters(program: Command, context: Context): void {
  const deadLetters = program
    .command('dead-letters')
    .summary('list records that could not be stored')
    .description('Records that could not be stored in their own table, with the reason.')
    .addHelpText('after', '\nExamples:\n  gatepost dead-letters list\n  gatepost dead-letters list --limit 1000 --json')
  deadLetters
    .command('list')
    .description('List the newest dead letters.')
    .option('--limit <rows>', `how many, 1 to ${MAX_LIMIT}`, rowLimit, 100)
    .option('--json', 'print one JSON document')
    .addHelpText('after', '\nExamples:\n  gatepost dead-letters list --limit 1000 --json')
    .action(async (options: { limit: number; json?: true }) => {
      const config = loadConfig(context.env)
      const note = (text: string) => context.output.note(text)
      const rows = await withStore(config, note, (store) => listDeadLetters(store, options.limit))
      if (options.json) context.output.json(rows)
      else {
        const cells = rows.map((row) => [row.received_at, row.source, row.reason, row.error])
        context.output.line(table(['received_at', 'source', 'reason', 'error'], cells))
      }
      context.exitStatus = EXIT.ok
    })
}

function rowLimit(text: string): number {
  const rows = /^\d{1,6}$/.test(text) ? Number(text) : 0
  if (rows < 1 || rows > MAX_LIMIT) throw new InvalidArgumentError(`Allowed is a whole number, 1 to ${MAX_LIMIT}.`)
  return rows
}

import { readFile } from 'node:fs/promises'
import { InvalidArgumentError, type Command } from 'commander'
import { GatepostError, messageOf } from '../../common/errors.ts'
import { findDeadLetter, listDeadLetters, type DeadLetter } from '../../reporter/queries/dead-letters.ts'
import { loadConfig } from '../../runtime/config/config.ts'
import { withStore } from '../../runtime/instance/connect.ts'
import type { Context } from '../context.ts'
import { EXIT } from '../exit-code.ts'
import { table } from '../output.ts'
import type { LetterName } from '../../runtime/replay/store-letter.ts'

// All rows are held in memory, so the limit is bounded.
const MAX_LIMIT = 100_000

/** `gatepost dead-letters`: records that could not be stored in their own table. */
export function registerDeadLetters(program: Command, context: Context): void {
  const deadLetters = program
    .command('dead-letters')
    .summary('list, show and replay records that could not be stored')
    .description('Records that could not be stored in their own table, with the reason.')
    .addHelpText(
      'after',
      `
Examples:
  gatepost dead-letters list
  gatepost dead-letters list --limit 1000 --json
  gatepost dead-letters show 5f0c8a52-0d1e-4c3f-9a57-000000000001/0
  gatepost dead-letters replay 5f0c8a52-0d1e-4c3f-9a57-000000000001/0 --payload-file repaired.json`,
    )
  registerList(deadLetters, context)
  registerShow(deadLetters, context)
  registerReplay(deadLetters, context)
}

function registerList(deadLetters: Command, context: Context): void {
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
        const cells = rows.map((row) => [row.received_at, nameOf(row), row.source, row.reason, row.error])
        context.output.line(table(['received_at', 'letter', 'source', 'reason', 'error'], cells))
      }
      context.exitStatus = EXIT.ok
    })
}

function registerShow(deadLetters: Command, context: Context): void {
  deadLetters
    .command('show')
    .description('Show one dead letter with what was sent.')
    .argument('<letter>', 'batch_id/batch_index, as the list prints it', letterName)
    .option('--json', 'print one JSON document')
    .addHelpText('after', '\nExamples:\n  gatepost dead-letters show 5f0c8a52-0d1e-4c3f-9a57-000000000001/0 --json')
    .action(async (name: LetterName, options: { json?: true }) => {
      const config = loadConfig(context.env)
      const note = (text: string) => context.output.note(text)
      const letter = await withStore(config, note, (store) => findDeadLetter(store, name.batchId, name.batchIndex))
      if (letter === null) throw notFound(name)
      if (options.json) context.output.json(letter)
      else context.output.line(table(['column', 'value'], Object.entries(letter)))
      context.exitStatus = EXIT.ok
    })
}

interface ReplayOptions {
  readonly payload?: string
  readonly payloadFile?: string
  readonly json?: true
}

function registerReplay(deadLetters: Command, context: Context): void {
  deadLetters
    .command('replay')
    .description(
      'Store the record of a dead letter in its own table, with a repaired payload if one is given: the query of a ping or\n' +
        'auth request, the JSON body of a post-auth, or the record as JSON. Replayed again it changes nothing. The dead letter stays.',
    )
    .argument('<letter>', 'batch_id/batch_index, as the list prints it', letterName)
    .option('--payload <text>', 'the payload, repaired')
    .option('--payload-file <file>', 'a file that holds it')
    .option('--json', 'print one JSON document')
    .addHelpText(
      'after',
      `
Examples:
  gatepost dead-letters replay 5f0c8a52-0d1e-4c3f-9a57-000000000001/0 \\
    --payload 'gw_id=gw1&sys_uptime=1&sys_memfree=2&sys_load=0.5&wifidog_uptime=4'`,
    )
    .action(async (name: LetterName, options: ReplayOptions) => {
      const config = loadConfig(context.env)
      const payload = await repairedPayload(options)
      const { replayDeadLetter } = await import('../../runtime/replay/replay-dead-letter.ts')
      const note = (text: string) => context.output.note(text)
      const outcome = await replayDeadLetter(config, note, name, payload)
      if (outcome === null) throw notFound(name)
      if (options.json) context.output.json(outcome)
      else if (outcome.rows > 0) context.output.line(`stored in ${outcome.table}, received at ${outcome.received_at}`)
      else context.output.line(`it is in ${outcome.table} already`)
      context.exitStatus = EXIT.ok
    })
}

function nameOf({ batch_id, batch_index }: DeadLetter): string {
  return `${batch_id}/${batch_index}`
}

function letterName(text: string): LetterName {
  const match = /^([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\/(\d{1,9})$/i.exec(text)
  if (match === null) throw new InvalidArgumentError('Allowed is batch_id/batch_index, as the list prints it.')
  return { batchId: match[1].toLowerCase(), batchIndex: Number(match[2]) }
}

function notFound({ batchId, batchIndex }: LetterName): GatepostError {
  return new GatepostError('INPUT_INVALID', `there is no dead letter ${batchId}/${batchIndex}`)
}

async function repairedPayload({ payload, payloadFile }: ReplayOptions): Promise<string | null> {
  if (payload !== undefined && payloadFile !== undefined) {
    throw new GatepostError('INPUT_INVALID', 'give --payload or --payload-file, not both')
  }
  if (payloadFile === undefined) return payload ?? null
  try {
    return await readFile(payloadFile, 'utf8')
  } catch (error) {
    throw new GatepostError('INPUT_INVALID', `--payload-file ${payloadFile}: ${messageOf(error)}`, error)
  }
}

function rowLimit(text: string): number {
  const rows = /^\d{1,6}$/.test(text) ? Number(text) : 0
  if (rows < 1 || rows > MAX_LIMIT) throw new InvalidArgumentError(`Allowed is a whole number, 1 to ${MAX_LIMIT}.`)
  return rows
}

import type { Command } from 'commander'
import type { Person } from '../../privacy/person.ts'
import { GatepostError } from '../../common/errors.ts'
import type { Forgotten } from '../../privacy/forget-person.ts'
import { loadConfig } from '../../runtime/config/config.ts'
import type { Context } from '../context.ts'
import { EXIT } from '../exit-code.ts'
import { macOption } from '../options.ts'
import { table } from '../output.ts'

interface Options {
  readonly user?: string
  readonly mac?: string
  readonly source?: string
  readonly dryRun?: true
  readonly json?: true
}

const MAX_NAME = 256

/** As GATEPOST_INGEST_CREDENTIALS allows it; the credential itself may be gone. */
const WRITER_NAME = /^[A-Za-z0-9._-]{1,64}$/

/** `gatepost forget`: removes a person on request. */
export function registerForget(program: Command, context: Context): void {
  program
    .command('forget')
    .summary('remove a person from the tables, the archive and the decisions')
    .description(
      'Remove a user or a device from the tables, the archive of the journal, the dead letters and the access decisions, and keep a\n' +
        'keyed hash, so that a replay or a late record does not bring them back. What they do afterwards is a new visit. It may run\n' +
        'beside everything else, and again: the second time it finds nothing. On a cluster (GATEPOST_CLICKHOUSE_CLUSTER) rows are deleted on\n' +
        'every node. Operators can do the same on the dashboard, page /forget.\n\n' +
        'With --source it removes what was written with a credential, such as a stolen one: take the credential out of\n' +
        'GATEPOST_INGEST_CREDENTIALS first, or what it writes afterwards stays.',
    )
    .option('--user <name>', 'the account, or the user name at a RADIUS server')
    .option('--mac <mac>', 'the device')
    .option('--source <name>', 'the credential with which records were written')
    .option('--dry-run', 'only count what would be removed')
    .option('--json', 'print one JSON document')
    .addHelpText(
      'after',
      `
Examples:
  gatepost forget --user alice@example.org --dry-run
  gatepost forget --mac 50:a6:7f:84:9c:d1 --json
  gatepost forget --source radius-1 --dry-run`,
    )
    .action(async (options: Options) => {
      const config = loadConfig(context.env)
      const person = personOf(options)
      // Load the engine only when it is needed.
      const { forget } = await import('../../runtime/instance/forget.ts')
      const forgotten = await forget(config, person, options.dryRun === true, (text) => context.output.note(text))
      if (options.json) context.output.json(forgotten)
      else {
        context.output.line(countsTable(forgotten))
        const remains = forgotten.dry_run ? 'would remain' : 'remains'
        for (const text of forgotten.remains) context.output.note(`${remains}: ${text}`)
      }
      context.exitStatus = EXIT.ok
    })
}

/** @throws GatepostError INPUT_INVALID */
function personOf({ user, mac, source }: Options): Person {
  if ([user, mac, source].filter((given) => given !== undefined).length !== 1) {
    throw new GatepostError('INPUT_INVALID', 'give one of --user, --mac and --source')
  }
  if (source !== undefined) {
    if (WRITER_NAME.test(source)) return { kind: 'writer', value: source }
    throw new GatepostError('INPUT_INVALID', `--source ${source}: allowed is a name of GATEPOST_INGEST_CREDENTIALS`)
  }
  if (mac !== undefined) return { kind: 'mac', value: macOption('--mac', mac) }
  const name = user ?? ''
  if (name !== '' && name.length <= MAX_NAME) return { kind: 'user', value: name }
  throw new GatepostError('INPUT_INVALID', `--user ${name}: allowed is a name of 1 to ${MAX_NAME} characters`)
}

function countsTable({ tables, access_control, archive, dry_run }: Forgotten): string {
  const rows: [string, number][] = [
    ...Object.entries(tables),
    ['access-control log', access_control],
    ['archive', archive.records],
  ]
  return table(['place', dry_run ? 'would_remove' : 'removed'], rows)
}

import type { Command } from 'commander'
import { loadConfig } from '../../runtime/config/config.ts'
import type { DetailOutcome } from '../../runtime/import/detail.ts'
import type { FileKind } from '../../runtime/import/import-files.ts'
import type { Context } from '../context.ts'
import { EXIT } from '../exit-code.ts'
import { table } from '../output.ts'

/** `gatepost import`: stores what files of RADIUS servers, and of the GovWifi logging API, say. */
export function registerImport(program: Command, context: Context): void {
  const command = program
    .command('import')
    .summary('store logins and accounting from files of a RADIUS server')
    .description(
      'Store logins and accounting from files. What is stored already is skipped, so an import may be repeated.',
    )
  command
    .command('detail <file...>')
    .summary('detail files of FreeRADIUS')
    .description(
      'Store what detail files of FreeRADIUS say: the files of logins and accounting that deploy/freeradius writes, and the files of\n' +
        'accounting of the module detail. What is stored already is skipped, also what FreeRADIUS itself has sent: an import that was\n' +
        'interrupted is repeated. Entries that are older than their table keeps rows, and those of people who were forgotten, are skipped.',
    )
    .option('--source <name>', 'the credential with which this FreeRADIUS reports (gatepost.conf: name)', '')
    .option('--json', 'print one JSON document')
    .addHelpText(
      'after',
      `
Examples:
  gatepost import detail --source radius-1 /var/log/freeradius/radacct/gatepost/detail-*
  gatepost import detail /var/log/freeradius/radacct/192.0.2.7/detail-20240229`,
    )
    .action((files: string[], options: Options) => run(context, 'detail', files, options))
  command
    .command('sessions-dump <file...>')
    .summary('table sessions of the GovWifi logging API')
    .description(
      'Store the logins in table sessions of the GovWifi logging API: a dump by mysqldump, or a file of comma- or tab-separated values\n' +
        '(.csv, .tsv) with a line of column names, times in UTC. The installation stores user names by the rule govwifi\n' +
        '(GATEPOST_USERNAMES). A row is known by its id: a later dump adds what is missing.',
    )
    .option('--source <name>', 'what column source says of these rows', '')
    .option('--json', 'print one JSON document')
    .addHelpText(
      'after',
      `
Examples:
  mysqldump --skip-lock-tables govwifi sessions > sessions.sql
  gatepost import sessions-dump sessions.sql`,
    )
    .action((files: string[], options: Options) => run(context, 'sessions-dump', files, options))
}

interface Options {
  readonly source: string
  readonly json?: true
}

async function run(context: Context, kind: FileKind, files: string[], { source, json }: Options): Promise<void> {
  const config = loadConfig(context.env)
  // Load the engine only when it is needed.
  const { importFiles } = await import('../../runtime/import/import-files.ts')
  const outcomes = await importFiles(config, kind, files, source, {
    note: (text) => context.output.note(text),
    progress: (text) => {
      if (process.stderr.isTTY) process.stderr.write(`\r\x1b[2K${text}`)
    },
  })
  if (json) context.output.json(outcomes)
  else context.output.line(outcomeTable(outcomes))
  for (const text of outcomes.flatMap(({ problems }) => problems)) context.output.note(`gatepost: ${text}`)
  context.exitStatus = outcomes.some(({ bad }) => bad > 0) ? EXIT.failed : EXIT.ok
}

const COLUMNS = ['entries', 'rows', 'present', 'expired', 'erased', 'skipped', 'bad'] as const

function outcomeTable(outcomes: readonly DetailOutcome[]): string {
  return table(
    ['file', ...COLUMNS],
    outcomes.map((outcome) => [outcome.file, ...COLUMNS.map((column) => outcome[column])]),
  )
}

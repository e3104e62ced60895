import type { Command } from 'commander'
import { loadConfig } from '../../runtime/config/config.ts'
import type { DetailOutcome } from '../../runtime/import/detail.ts'
import type { Context } from '../context.ts'
import { EXIT } from '../exit-code.ts'
import { table } from '../output.ts'

/** `gatepost import detail`: stores what detail files of FreeRADIUS say. */
export function registerImport(program: Command, context: Context): void {
  program
    .command('import')
    .summary('store logins and accounting from files of a RADIUS server')
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
    .action(async (files: string[], { source, json }: { readonly source: string; readonly json?: true }) => {
      const config = loadConfig(context.env)
      // Load the engine only when it is needed.
      const { importDetailFiles } = await import('../../runtime/import/import-detail.ts')
      const outcomes = await importDetailFiles(config, files, source, {
        note: (text) => context.output.note(text),
        progress: (text) => {
          if (process.stderr.isTTY) process.stderr.write(`\r\x1b[2K${text}`)
        },
      })
      if (json) context.output.json(outcomes)
      else context.output.line(outcomeTable(outcomes))
      for (const text of outcomes.flatMap(({ problems }) => problems)) context.output.note(`gatepost: ${text}`)
      context.exitStatus = outcomes.some(({ bad }) => bad > 0) ? EXIT.failed : EXIT.ok
    })
}

const COLUMNS = ['entries', 'rows', 'present', 'expired', 'erased', 'skipped', 'bad'] as const

function outcomeTable(outcomes: readonly DetailOutcome[]): string {
  return table(
    ['file', ...COLUMNS],
    outcomes.map((outcome) => [outcome.file, ...COLUMNS.map((column) => outcome[column])]),
  )
}

import { tmpdir } from 'node:os'
import { resolve } from 'node:path'
import type { Command } from 'commander'
import { s3Access } from '../../runtime/config/backup-options.ts'
import { loadConfig } from '../../runtime/config/config.ts'
import type { Context } from '../context.ts'
import { EXIT } from '../exit-code.ts'

interface Options {
  readonly from: string
  readonly logOf?: string
  readonly scratch?: string
  readonly json?: true
}

/** `gatepost restore`: makes a data directory from a backup. */
export function registerRestore(program: Command, context: Context): void {
  program
    .command('restore')
    .summary('make a data directory from a backup')
    .description(
      'Make the data directory (GATEPOST_DATA_DIR), which must be new or empty, from a backup. It is used only once it is complete: an\n' +
        'interrupted restore is repeated. The next start stores what the journal of the backup has beyond the tables. With --log-of the\n' +
        'records of another data directory that came after the backup are stored too, each once.',
    )
    .requiredOption('--from <place>', 'a backup, or where they are, a directory or s3://bucket/prefix: the newest one')
    .option(
      '--log-of <directory>',
      'what is left of the data directory that was lost: its journal, archive and decisions',
    )
    .option('--scratch <directory>', 'where a backup of a bucket is fetched to for a while', tmpdir())
    .option('--json', 'print one JSON document')
    .addHelpText(
      'after',
      `
Examples:
  gatepost restore --from /mnt/backups/gatepost
  mv data data.lost && gatepost restore --from /mnt/backups/gatepost --log-of data.lost`,
    )
    .action(async ({ from, logOf, scratch, json }: Options) => {
      const config = loadConfig(context.env)
      const { dataDir } = config
      const { withLocalBackup } = await import('../../runtime/backup/place.ts')
      const { restore } = await import('../../runtime/backup/restore.ts')
      const restored = await withLocalBackup(
        from,
        s3Access(config),
        resolve(scratch ?? tmpdir()),
        () => undefined,
        (path) =>
          restore({ from: path, dataDir, logOf: logOf ?? null }, (what) => {
            if (process.stderr.isTTY && !json) context.output.note(`restoring ${what} …`)
          }),
      )
      if (json) context.output.json(restored)
      else {
        const { id, rows, journal_records, taken } = restored
        context.output.line(
          `restored ${id} into ${dataDir}: ${rows} rows in tables, ${journal_records} records in the journal`,
        )
        if (taken !== null)
          context.output.line(`took ${taken.records} records in ${taken.segments} segments from ${logOf}`)
        if (!restored.secret) context.output.note('the backup has no secret: set GATEPOST_SECRET to what it was')
        if (restored.log === 'kafka') {
          context.output.note(
            'the log is Kafka: start, and then run gatepost replay from the time of the backup, for what was committed after it',
          )
        }
        context.output.note(
          'people who were forgotten after this backup are in it again: forget them once more (docs/backup.md)',
        )
      }
      context.exitStatus = EXIT.ok
    })
}

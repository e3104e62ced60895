import { tmpdir } from 'node:os'
import { resolve } from 'node:path'
import type { Command } from 'commander'
import { GatepostError } from '../../common/errors.ts'
import { backupPlace, s3Access } from '../../runtime/config/backup-options.ts'
import { loadConfig, type Config } from '../../runtime/config/config.ts'
import type { Context } from '../context.ts'
import { EXIT } from '../exit-code.ts'
import { table } from '../output.ts'

interface Options {
  readonly to?: string
  readonly base?: string
  readonly scratch?: string
  readonly json?: true
}

/** `gatepost backup`: backs up a data directory; verify and list look at backups. */
export function registerBackup(program: Command, context: Context): void {
  const command = program
    .command('backup')
    .summary('back up the tables, the log, the decisions and the secret')
    .description(
      'Back up the data directory of an embedded store: the tables, the journal, the archive, the access decisions and the secret, as they\n' +
        'are at one moment. The running instance makes it and goes on answering; without one, the command makes it. What was\n' +
        'acknowledged before is in it. gatepost restore makes a data directory from it. A backup names people, as the tables do.',
    )
    .option(
      '--to <place>',
      'where backups of this instance are: a directory, or s3://bucket/prefix (GATEPOST_BACKUP_TO)',
    )
    .option('--base <id>', 'a full backup there: what it holds is not written again')
    .option('--json', 'print one JSON document')
    .addHelpText(
      'after',
      `
Examples:
  gatepost backup --to /mnt/backups/gatepost
  gatepost backup --to s3://backups/gatepost
  gatepost backup --to /mnt/backups/gatepost --base 20240229T130000.000Z
  gatepost backup verify --to /mnt/backups/gatepost`,
    )
    .action((options: Options) => make(context, options))
  command
    .command('list')
    .summary('the backups in a directory or a bucket')
    .description('List the complete backups in a directory or a bucket, the oldest first.')
    .option('--to <place>', 'where they are (GATEPOST_BACKUP_TO)')
    .option('--json', 'print one JSON document')
    .action((_: Options, own: Command) => list(context, own.optsWithGlobals()))
  command
    .command('verify')
    .summary('read a backup, and restore its tables elsewhere to count them')
    .description(
      'Read every file of a backup and compare it with what was written; then restore the tables into a directory of its own, and compare\n' +
        'the rows of each table with those at the time of the backup. Exit status 2: the backup is damaged.',
    )
    .option('--to <place>', 'a backup, or where they are: the newest one (GATEPOST_BACKUP_TO)')
    .option(
      '--scratch <directory>',
      'where the tables are restored for a while, and a backup of a bucket is fetched to',
      tmpdir(),
    )
    .option('--json', 'print one JSON document')
    .action((_: Options, own: Command) => verifyOne(context, own.optsWithGlobals()))
}

async function make(context: Context, { to, base, json }: Options): Promise<void> {
  const config = loadConfig(context.env)
  const place = placeNamed(config, to)
  const { requestBackup } = await import('../../runtime/backup/request.ts')
  const made = await requestBackup(config, { to: place, base: base ?? null })
  const { id, bytes, rows, journalRecords, tookMs, heldMs } = made
  if (json) {
    context.output.json({
      id,
      base: made.base,
      directory: made.directory,
      bytes,
      rows,
      journal_records: journalRecords,
      seconds: tookMs / 1000,
      held_seconds: heldMs / 1000,
    })
  } else {
    context.output.line(
      `backup ${id} is in ${made.directory}: ${rows} rows in tables and ${journalRecords} records of the journal, ${bytes} bytes, in ${(tookMs / 1000).toFixed(1)} s`,
    )
  }
  context.exitStatus = EXIT.ok
}

async function list(context: Context, { to, json }: Options): Promise<void> {
  const config = loadConfig(context.env)
  const { placeOf } = await import('../../runtime/backup/place.ts')
  const place = await placeOf(placeNamed(config, to), s3Access(config))
  const rows = (await place.list()).map(({ id, base, gatepost, tables, files }) => ({
    id,
    base,
    gatepost,
    rows: Object.values(tables).reduce((sum, count) => sum + count, 0),
    bytes: files.reduce((sum, { bytes, inBase }) => sum + (inBase ? 0 : bytes), 0),
  }))
  if (json) context.output.json(rows)
  else {
    const cells = rows.map(({ id, base, gatepost, rows: count, bytes }) => [id, base ?? 'full', gatepost, count, bytes])
    context.output.line(table(['backup', 'base', 'version', 'rows', 'bytes'], cells))
  }
  context.exitStatus = EXIT.ok
}

async function verifyOne(context: Context, { to, scratch, json }: Options): Promise<void> {
  const config = loadConfig(context.env)
  const from = placeNamed(config, to)
  const { withLocalBackup } = await import('../../runtime/backup/place.ts')
  const { verify } = await import('../../runtime/backup/verify.ts')
  const progress = (what: string) => {
    if (process.stderr.isTTY) process.stderr.write(`\r\x1b[2K${what}`)
  }
  const directory = resolve(scratch ?? tmpdir())
  const verified = await withLocalBackup(from, s3Access(config), directory, progress, (path) =>
    verify(path, directory, progress),
  )
  progress('')
  if (json) context.output.json(verified)
  else {
    const { id, files, bytes, tables, journal_records, access_entries } = verified
    context.output.line(table(['table', 'rows'], Object.entries(tables)))
    context.output.line(
      `backup ${id} is complete: ${files} files of ${bytes} bytes, ${journal_records} records of the journal, ${access_entries} entries of the access log`,
    )
  }
  context.exitStatus = EXIT.ok
}

/** @throws GatepostError INPUT_INVALID: no place is named */
function placeNamed({ backupTo }: Config, to: string | undefined): string {
  const place = to ?? backupTo
  if (place !== undefined) return backupPlace(place)
  throw new GatepostError('INPUT_INVALID', 'name the directory of the backups with --to or GATEPOST_BACKUP_TO')
}

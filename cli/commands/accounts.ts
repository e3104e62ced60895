import { Option, type Command } from 'commander'
import { FORMATS, formatOf, type Format } from '../../reporter/accounts/formats.ts'
import { importAccounts } from '../../reporter/accounts/import.ts'
import { accountNamed, listAccounts, type AccountStatus } from '../../reporter/accounts/list.ts'
import { textOf, type ReadProgress } from '../../reporter/accounts/text.ts'
import { loadConfig } from '../../runtime/config/config.ts'
import { withStore } from '../../runtime/instance/connect.ts'
import type { Context } from '../context.ts'
import { EXIT } from '../exit-code.ts'
import { lineLimit } from '../options.ts'
import { table } from '../output.ts'
import { terminalLine } from '../../common/terminal-line.ts'

/** `gatepost accounts`: registered accounts and their last login. */
export function registerAccounts(program: Command, context: Context): void {
  const accounts = program
    .command('accounts')
    .summary('import or list the accounts people registered')
    .description('The accounts people registered, and when they last logged in.')
    .addHelpText(
      'after',
      `
Examples:
  gatepost accounts import accounts.csv
  gatepost accounts list --json
  gatepost accounts show ABCDEF`,
    )
  registerImport(accounts, context)
  registerList(accounts, context)
  registerShow(accounts, context)
}

function registerImport(accounts: Command, context: Context): void {
  accounts
    .command('import')
    .description(
      'Add the accounts of a file, and replace those that are there under the same username. Columns: username and\n' +
        'created_at; contact, sponsor and last_login, which stay as they are where the file has none. All others, such as\n' +
        'passwords, are left out. Times are UTC unless they name a zone. A file with a mistake changes nothing.',
    )
    .argument('<file>', 'file, or - for standard input')
    .addOption(
      new Option(
        '--format <format>',
        'csv: with a header; jsonl: a JSON object per line; mysql: what `mysql --batch` prints, or CSV with NULL (default: by the name)',
      ).choices(FORMATS),
    )
    .option('--json', 'print one JSON document')
    .addHelpText(
      'after',
      `
Examples:
  gatepost accounts import accounts.csv
  mysql --batch -e 'SELECT username, contact, sponsor, created_at, last_login FROM userdetails' users |
    gatepost accounts import - --format mysql`,
    )
    .action(async (source: string, options: { format?: Format; json?: true }) => {
      const config = loadConfig(context.env)
      const progress: ReadProgress = { bytes: 0, all: null }
      const checked = (lines: number) => terminalLine(`${share(progress)}${lines} lines checked`)
      const result = await withStore(
        config,
        (text) => context.output.note(text),
        (store) =>
          importAccounts(store, textOf(source, progress), options.format ?? formatOf(source), checked).finally(() =>
            terminalLine(''),
          ),
        'create',
      )
      if (options.json) context.output.json(result)
      else {
        context.output.line(`imported ${result.imported} accounts, ${result.added} of them new`)
        if (result.ignored.length > 0) context.output.note(`left out: ${result.ignored.join(', ')}`)
      }
      context.exitStatus = EXIT.ok
    })
}

function share({ bytes, all }: ReadProgress): string {
  return all === null ? '' : `${Math.round((100 * bytes) / Math.max(1, all))} %, `
}

function registerList(accounts: Command, context: Context): void {
  accounts
    .command('list')
    .description('List the accounts that were created last, with their latest login.')
    .option('--limit <n>', 'maximum number of lines', '100')
    .option('--json', 'print one JSON document')
    .addHelpText('after', '\nExamples:\n  gatepost accounts list --limit 20')
    .action(async (options: { limit: string; json?: true }) => {
      const config = loadConfig(context.env)
      const limit = lineLimit(options.limit)
      const note = (text: string) => context.output.note(text)
      const rows = await withStore(config, note, (store) => listAccounts(store, limit))
      if (options.json) context.output.json(rows)
      else context.output.line(rows.length === 0 ? 'no accounts' : accountTable(rows))
      context.exitStatus = EXIT.ok
    })
}

function registerShow(accounts: Command, context: Context): void {
  accounts
    .command('show')
    .description('Show one account; exit status 1 if there is none of this name.')
    .argument('<user>', 'its username')
    .option('--json', 'print one JSON document')
    .addHelpText('after', '\nExamples:\n  gatepost accounts show ABCDEF --json')
    .action(async (user: string, options: { json?: true }) => {
      const config = loadConfig(context.env)
      const note = (text: string) => context.output.note(text)
      const account = await withStore(config, note, (store) => accountNamed(store, user))
      if (options.json) context.output.json(account)
      else if (account !== null) context.output.line(accountTable([account]))
      else note(`gatepost: there is no account ${user}`)
      context.exitStatus = account === null ? EXIT.failed : EXIT.ok
    })
}

function accountTable(rows: readonly AccountStatus[]): string {
  return table(
    ['username', 'contact', 'sponsor', 'created_at', 'last_login'],
    rows.map((row) => [row.username, row.contact ?? '', row.sponsor ?? '', row.created_at, row.last_login ?? 'never']),
  )
}

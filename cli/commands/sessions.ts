import type { Command } from 'commander'
import { loginsThatOpened, sessionKeyOf, type Opening } from '../../reporter/queries/login-sessions.ts'
import { listSessions, type Session } from '../../reporter/queries/sessions.ts'
import { loadConfig } from '../../runtime/config/config.ts'
import { withStore } from '../../runtime/instance/connect.ts'
import type { Context } from '../context.ts'
import { EXIT } from '../exit-code.ts'
import { lineLimit, macOption } from '../options.ts'
import { table } from '../output.ts'

interface Options {
  readonly active?: true
  readonly gateway?: string
  readonly mac?: string
  readonly account?: string
  readonly limit: string
  readonly json?: true
}

/** `gatepost sessions`: current and past sessions, and how they ended. */
export function registerSessions(program: Command, context: Context): void {
  program
    .command('sessions')
    .summary('list sessions and their state')
    .description(
      'List sessions of WiFiDog gateways and of RADIUS accounting, those that were seen last first, with their state and the bytes that were reported.',
    )
    .option('--active', 'only those that have not ended')
    .option('--gateway <id>', 'at a gateway or a NAS')
    .option('--mac <mac>', 'of a device')
    .option('--account <name>', 'of an account')
    .option('--limit <n>', 'maximum number of lines', '100')
    .option('--json', 'print one JSON document')
    .addHelpText(
      'after',
      `
Examples:
  gatepost sessions --active
  gatepost sessions --gateway 001217DA42D2 --json
  gatepost sessions --mac 50:a6:7f:84:9c:d1`,
    )
    .action(async (options: Options) => {
      const config = loadConfig(context.env)
      const { active, gateway, mac, account, limit, json } = options
      const search = {
        active: active ?? false,
        limit: lineLimit(limit),
        ...(gateway === undefined ? {} : { gateway }),
        ...(mac === undefined ? {} : { mac: macOption('--mac', mac) }),
        ...(account === undefined ? {} : { account }),
      }
      const rows = await withStore(
        config,
        (text) => context.output.note(text),
        async (store) => {
          const found = await listSessions(store, search)
          const logins = await loginsThatOpened(
            store,
            found.filter(({ source }) => source === 'radius'),
          )
          return found.map((row) => ({ ...row, login: logins.get(sessionKeyOf(row)) ?? null }))
        },
      )
      if (json) context.output.json(rows)
      else context.output.line(rows.length === 0 ? 'no sessions' : sessionTable(rows))
      context.exitStatus = EXIT.ok
    })
}

function sessionTable(rows: readonly (Session & { readonly login: Opening['login'] | null })[]): string {
  // Only where logins are reported.
  const logins = rows.some(({ login }) => login !== null)
  const headings = [
    'session_id',
    'state',
    'reason',
    'source',
    'account',
    'mac',
    'gw_id',
    'first_seen',
    'last_seen',
    'incoming',
    'outgoing',
    ...(logins ? ['logged_in'] : []),
  ]
  return table(
    headings,
    rows.map((row) => [
      row.session_id,
      row.state,
      row.end_reason ?? '',
      row.source,
      row.account,
      row.mac,
      row.gw_id,
      row.first_seen ?? 'never',
      row.last_seen ?? 'never',
      row.incoming,
      row.outgoing,
      ...(logins ? [row.login?.received_at ?? ''] : []),
    ]),
  )
}

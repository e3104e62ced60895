import { Option, type Command } from 'commander'
import { findLogins, type FoundLogin, type LoginReport, type LoginSearch } from '../../reporter/queries/logins.ts'
import { loadConfig, type Config } from '../../runtime/config/config.ts'
import { withStore } from '../../runtime/instance/connect.ts'
import type { Context } from '../context.ts'
import { EXIT } from '../exit-code.ts'
import { lineLimit, macOption, timeOption } from '../options.ts'
import { table } from '../output.ts'

interface Options {
  readonly user?: string
  readonly cert?: string
  readonly mac?: string
  readonly site?: string
  readonly ap?: string
  readonly building?: string
  readonly failed?: true
  readonly since?: string
  readonly limit: string
  readonly json?: true
}

const KEYS = ['user', 'cert', 'mac', 'site', 'ap', 'building'] as const

/** `gatepost logins`: shows why a person cannot log in at a site. */
export function registerLogins(program: Command, context: Context): void {
  const command = program
    .command('logins')
    .summary('search logins: who, where, and why it was refused')
    .description(
      'Show logins, the newest first, with what the RADIUS server replied and what became of the session, and count the reasons of refusals.',
    )
  const about = {
    user: ['--user <name>', 'of a user, as typed; of a certificate its user name'],
    cert: ['--cert <serial>', 'with a certificate of this serial number'],
    mac: ['--mac <mac>', 'of a device'],
    site: ['--site <ip>', 'at a site, by the address of its RADIUS client'],
    ap: ['--ap <mac>', 'at an access point'],
    building: ['--building <identifier>', 'in a building'],
  } as const
  for (const key of KEYS) {
    const others = KEYS.filter((other) => other !== key)
    command.addOption(new Option(about[key][0], about[key][1]).conflicts([...others]))
  }
  command
    .option('--failed', 'only those that were refused')
    .option(
      '--since <time>',
      'a UTC time, as 2024-02-29 or 2024-02-29T13:00, or a duration, as 2h or 3d (default: all there is)',
    )
    .option('--limit <n>', 'maximum number of lines', '50')
    .option('--json', 'print one JSON document')
    .addHelpText(
      'after',
      `
Examples:
  gatepost logins --user alice1
  gatepost logins --site 192.0.2.7 --failed --since 2h
  gatepost logins --mac 50:a6:7f:84:9c:d1 --json`,
    )
    .action(async (options: Options) => {
      const config = loadConfig(context.env)
      const search = searchOf(options, config, new Date())
      const report = await withStore(
        config,
        (text) => context.output.note(text),
        (store) => findLogins(store, search),
      )
      if (options.json) context.output.json(report)
      else print(context, report)
      context.exitStatus = EXIT.ok
    })
}

/** @throws GatepostError INPUT_INVALID */
function searchOf(options: Options, { retention }: Config, now: Date): LoginSearch {
  const { user, cert, mac, site, ap, building, failed, since, limit } = options
  return {
    ...(user === undefined ? {} : { user }),
    ...(cert === undefined ? {} : { cert }),
    ...(mac === undefined ? {} : { mac: macOption('--mac', mac) }),
    ...(site === undefined ? {} : { site }),
    ...(ap === undefined ? {} : { ap: macOption('--ap', ap) }),
    ...(building === undefined ? {} : { building }),
    failed: failed ?? false,
    since:
      since === undefined
        ? new Date(now.getTime() - (retention.post_auth + 1) * 86_400_000)
        : timeOption('--since', since, now, -1),
    // The clock of the ingest machine may be a little ahead.
    until: new Date(now.getTime() + 60_000),
    limit: lineLimit(limit),
  }
}

/** How its session ended, or that it is active, and its bytes. */
function becameOf({ session }: FoundLogin): (string | number)[] {
  if (session === null) return ['', '', '']
  const ended = session.ended === null ? '' : ` ${session.ended.slice(0, 19)}`
  return [`${session.end_reason ?? session.state}${ended}`, session.incoming, session.outgoing]
}

function print(context: Context, { logins, reasons, reasons_since, account, devices }: LoginReport): void {
  const headings = ['received_at', 'who', 'mac', 'site_ip', 'where', 'method', 'result', 'reply', 'certificate']
  // Only where there is accounting.
  const sessions = logins.some(({ session }) => session !== null)
  if (sessions) headings.push('session', 'incoming', 'outgoing')
  const rows = logins.map((login) => [
    login.received_at,
    login.username || login.ssl_username || login.cert_name,
    login.mac,
    login.site_ip,
    [login.ap || login.building_identifier, login.ssid, login.nas_identifier].filter((name) => name !== '').join(' '),
    login.auth_method,
    login.success === 1 ? 'accepted' : login.authentication_result,
    login.authentication_reply,
    login.cert_serial === '' ? '' : `${login.cert_serial} ${login.cert_name}`,
    ...(sessions ? becameOf(login) : []),
  ])
  const parts = [logins.length === 0 ? 'no logins' : table(headings, rows)]
  if (reasons.length > 0) {
    const cells = reasons.map((reason) => [
      reason.logins,
      reason.authentication_result,
      reason.authentication_reply || '(no reply)',
      reason.latest,
    ])
    parts.push(`refused since ${reasons_since.slice(0, 16)}:\n${table(['logins', 'result', 'reply', 'latest'], cells)}`)
  }
  if (account !== null) {
    parts.push(
      `account ${account.username}: created ${account.created_at}, last login ${account.last_login ?? 'never'}`,
    )
  }
  if (devices.length > 0) {
    const cells = devices.map(({ mac, successes, failures, latest }) => [mac, successes, failures, latest])
    parts.push(table(['device', 'successes', 'failures', 'latest'], cells))
  }
  context.output.line(parts.join('\n\n'))
}

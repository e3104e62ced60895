import { Argument, type Command } from 'commander'
import { GatepostError } from '../../common/errors.ts'
import { sqlTime } from '../../common/sql-time.ts'
import { takeBack, type AccessEntry } from '../../access/log.ts'
import { DECIDED, SUBJECTS, type DecidedKind } from '../../access/subjects.ts'
import { withAccessLog } from '../../runtime/instance/access-log.ts'
import { loadConfig } from '../../runtime/config/config.ts'
import type { Context } from '../context.ts'
import { EXIT } from '../exit-code.ts'
import { macOption, timeOption } from '../options.ts'
import { cutOffLines, cutOffs } from './cut-offs.ts'
import { jsonArray, tableLines } from '../output.ts'

interface Options {
  readonly until?: string
  readonly reason: string
  readonly json?: true
}

/** `gatepost access allow|deny|remove|list`: operators' decisions about sessions, devices, accounts and gateways. */
export function registerDecisions(access: Command, context: Context): void {
  registerDecision(
    access,
    context,
    'deny',
    'Deny access: the gateway removes the client at once over a channel that it keeps open, else with its next report. Says where such clients are online, and by when they are due to be out.',
  )
  registerDecision(
    access,
    context,
    'allow',
    'Allow access although a wider decision denies it; for a session also without its confirmation.',
  )
  registerRemove(access, context)
  registerList(access, context)
}

function subjectArguments(command: Command): Command {
  return command
    .addArgument(new Argument('<kind>', 'kind of subject').choices(DECIDED))
    .argument('<subject>', "the session's id, the device's MAC, the account's name, or the gateway's id")
}

function registerDecision(access: Command, context: Context, verdict: 'allow' | 'deny', about: string): void {
  subjectArguments(access.command(verdict))
    .description(`${about} In force on every worker within two seconds.`)
    .option(
      '--until <time>',
      'a UTC time, as 2024-02-29T13:00, or a duration from now, as 2h or 3d (default: for good)',
    )
    .option('--reason <text>', 'shown on the portal, and in lists', '')
    .option('--json', 'print one JSON document')
    .addHelpText(
      'after',
      `
Examples:
  gatepost access ${verdict} mac 50:a6:7f:84:9c:d1 --until 24h --reason 'abuse'
  gatepost access ${verdict} account alice@example.org
  gatepost access ${verdict} gateway 001217DA42D2`,
    )
    .action(async (kind: DecidedKind, named: string, options: Options) => {
      const now = new Date()
      const subject = subjectOf(kind, named)
      const until = options.until === undefined ? null : timeOption('--until', options.until, now, 1).getTime()
      const entry: AccessEntry = { verdict, reason: options.reason, until, updatedAt: now.getTime() }
      const config = loadConfig(context.env)
      await withAccessLog(config, async ({ access }) => {
        await access.put(subject, entry)
        // It is decided, however long the tables take to answer.
        if (!options.json)
          context.output.line(`${subject}: ${verdict}${until === null ? '' : ` until ${sqlTime(until)}`}`)
        const online = verdict === 'deny' ? await cutOffs(config, access, { kind, subject }) : undefined
        if (options.json) context.output.json({ ...row(subject, entry), online })
        else if (online !== undefined) for (const line of cutOffLines(online)) context.output.line(line)
      })
      context.exitStatus = EXIT.ok
    })
}

function registerRemove(access: Command, context: Context): void {
  subjectArguments(access.command('remove'))
    .description('Remove a decision.')
    .option('--json', 'print one JSON document')
    .addHelpText('after', '\nExamples:\n  gatepost access remove mac 50:a6:7f:84:9c:d1')
    .action(async (kind: DecidedKind, named: string, options: { json?: true }) => {
      const subject = subjectOf(kind, named)
      const removed = await withAccessLog(loadConfig(context.env), ({ access }) =>
        takeBack(access, subject, Date.now()),
      )
      if (options.json) context.output.json({ subject, removed })
      else context.output.line(removed ? `${subject}: removed` : `${subject}: there is no decision`)
      context.exitStatus = removed ? EXIT.ok : EXIT.failed
    })
}

function registerList(access: Command, context: Context): void {
  access
    .command('list')
    .description('List the decisions in force, latest first.')
    .addArgument(new Argument('[kind]', 'only decisions about this kind of subject').choices(DECIDED))
    .option('--json', 'print one JSON document')
    .addHelpText('after', '\nExamples:\n  gatepost access list\n  gatepost access list mac --json')
    .action(async (kind: DecidedKind | undefined, options: { json?: true }) => {
      const now = Date.now()
      const kinds = kind === undefined ? DECIDED : [kind]
      const entries = await withAccessLog(loadConfig(context.env), ({ access }) =>
        Promise.resolve(kinds.flatMap((each) => [...access.entries(SUBJECTS[each].prefix, now)])),
      )
      entries.sort(([, a], [, b]) => b.updatedAt - a.updatedAt)
      if (options.json) await context.output.stream(jsonArray(rowsOf(entries)))
      else if (entries.length === 0) context.output.line('there are no decisions')
      else await context.output.stream(listed(entries))
      context.exitStatus = EXIT.ok
    })
}

type Entries = readonly (readonly [string, AccessEntry])[]

/** One after the other: there may be two million decisions, whose rows and text take several times the memory. */
function* rowsOf(entries: Entries): Generator<ReturnType<typeof row>> {
  for (const [subject, entry] of entries) yield row(subject, entry)
}

function* listed(entries: Entries): Generator<string> {
  const headings = ['subject', 'verdict', 'reason', 'until', 'updated_at']
  function* cells() {
    for (const each of rowsOf(entries))
      yield [each.subject, each.verdict, each.reason, each.until ?? '', each.updated_at]
  }
  for (const line of tableLines(headings, cells)) yield `${line}\n`
}

/** @throws GatepostError INPUT_INVALID */
function subjectOf(kind: DecidedKind, named: string): string {
  if (kind === 'mac') return SUBJECTS.mac.of(macOption('mac', named))
  if (named === '' || named.length > 256 || named.includes('#')) {
    throw new GatepostError('INPUT_INVALID', `${kind} ${named}: allowed is a name of 1 to 256 characters without #`)
  }
  return SUBJECTS[kind].of(named)
}

/** Keys are the columns of table access_control. */
function row(subject: string, { verdict, reason, until, updatedAt }: AccessEntry) {
  return { subject, verdict, reason, until: until === null ? null : sqlTime(until), updated_at: sqlTime(updatedAt) }
}

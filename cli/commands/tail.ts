import { Argument, type Command } from 'commander'
import type { DecodedRecord } from '../../schemas/record.ts'
import { loadConfig } from '../../runtime/config/config.ts'
import { TAILED, textOf, type TailedName, type TailFilter } from '../../runtime/tail/filter.ts'
import type { Context } from '../context.ts'
import { EXIT } from '../exit-code.ts'
import { lineLimit, macOption } from '../options.ts'
import { printable } from '../output.ts'

interface Options extends TailFilter {
  readonly limit?: string
  readonly json?: true
}

/** Of no use to people who look. */
const LEFT_OUT = new Set(['received_at', 'batch_id', 'batch_index', 'user_agent', 'extra', 'own', 'trusted', 'source'])
/** Characters that may wait for a slow terminal; further records are skipped. */
const MAX_WAITING = 2 ** 20

/** `gatepost tail`: shows records as they come in. */
export function registerTail(program: Command, context: Context): void {
  program
    .command('tail')
    .summary('show heartbeats, logins or accounting as they come in')
    .description(
      'Show records from now on, as soon as they are in the log: from the journal of this machine, or from Kafka. Ends with Ctrl-C. It takes\n' +
        'nothing from the log and holds nothing up: what the output does not take is skipped and counted. It is recorded in table audit_log.',
    )
    .addArgument(
      new Argument('<stream>', 'what to show; counters and logouts of gateways are in auth').choices(
        Object.keys(TAILED),
      ),
    )
    .option('--user <name>', 'of a user, as names are stored')
    .option('--mac <mac>', 'of a device', (text: string) => macOption('--mac', text))
    .option('--gateway <id>', 'of a gateway, access point or NAS, by id, MAC, address or name')
    .option(
      '--result <result>',
      'auth: login, counters, logout, or a code such as 1; post-auth: Access-Reject; accounting: Stop',
    )
    .option('--limit <n>', 'end after so many records')
    .option('--json', 'print one JSON document for each record')
    .addHelpText(
      'after',
      `
Examples:
  gatepost tail post-auth --result Access-Reject
  gatepost tail auth --mac 50:a6:7f:84:9c:d1
  gatepost tail pings --gateway 00163E112233 --json`,
    )
    .action(async (name: TailedName, { limit, json, ...filter }: Options) => {
      const config = loadConfig(context.env)
      const count = limit === undefined ? null : lineLimit(limit)
      const { tail } = await import('../../runtime/tail/tail.ts')
      const stopped = new AbortController()
      for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stopped.abort())
      await tail(
        config,
        { name, filter, limit: count },
        {
          record: (record) => {
            if (process.stdout.writableLength > MAX_WAITING) return false
            if (json) context.output.json(jsonOf(record))
            else context.output.line(lineOf(record))
            return true
          },
          note: (text) => context.output.note(text),
          stopped: stopped.signal,
        },
      )
      context.exitStatus = EXIT.ok
    })
}

function lineOf(record: DecodedRecord): string {
  const fields = Object.entries(record).filter(([name, value]) => !LEFT_OUT.has(name) && textOf(value) !== '')
  return printable([timeOf(record), ...fields.map(([name, value]) => `${name}=${textOf(value)}`)].join('  '))
}

function jsonOf(record: DecodedRecord): object {
  const entries = Object.entries(record).map(([name, value]): [string, unknown] => {
    if (name === 'received_at') return [name, timeOf(record)]
    if (Buffer.isBuffer(value)) return [name, value.toString('hex')]
    return [name, typeof value === 'bigint' ? String(value) : value]
  })
  return Object.fromEntries(entries)
}

function timeOf(record: DecodedRecord): string {
  return new Date(Number(record['received_at'])).toISOString()
}

import { InvalidArgumentError, type Command } from 'commander'
import { createVouchers, listVouchers, revokeVoucher, type VoucherState } from '../../access/vouchers.ts'
import { withAccessLog } from '../../runtime/instance/access-log.ts'
import { loadConfig } from '../../runtime/config/config.ts'
import { parseDuration } from '../../runtime/config/values.ts'
import type { Context } from '../context.ts'
import { csv } from '../../common/csv.ts'
import { EXIT } from '../exit-code.ts'
import { wholeNumberOption } from '../options.ts'
import { table } from '../output.ts'

interface CreateOptions {
  readonly count: string
  readonly validFor: number
  readonly maxDevices: string
  readonly label: string
  readonly json?: true
  readonly csv?: true
}

/** `gatepost access vouchers`: codes for the portal's login method voucher. */
export function registerVouchers(access: Command, context: Context): void {
  const vouchers = access
    .command('vouchers')
    .summary('make, list and revoke voucher codes')
    .description(
      'Codes for logging in on the portal (GATEPOST_LOGIN with voucher). Only hashes of them are stored:\n' +
        'a code is shown once, when it is created.',
    )
    .addHelpText(
      'after',
      `
Examples:
  gatepost access vouchers create --count 20 --valid-for 24h --max-devices 2
  gatepost access vouchers create --count 500 --valid-for 7d --label conference --csv >vouchers.csv
  gatepost access vouchers list
  gatepost access vouchers revoke 5d0c5e0f3b1c2a4d6e8f9a0b --reason 'handed out by mistake'`,
    )
  registerCreate(vouchers, context)
  registerList(vouchers, context)
  registerRevoke(vouchers, context)
}

function registerCreate(vouchers: Command, context: Context): void {
  vouchers
    .command('create')
    .description("Create vouchers. A voucher's time begins with its first use.")
    .option('--count <n>', 'how many, 1 to 10000', '1')
    .option('--valid-for <duration>', 'how long from the first use, such as 2h or 7d', validFor, 24 * 3_600_000)
    .option('--max-devices <n>', 'how many devices may use each, 1 to 100', '1')
    .option('--label <text>', 'label of the vouchers', '')
    .option('--json', 'print one JSON document')
    .option('--csv', 'print CSV')
    .addHelpText('after', '\nExamples:\n  gatepost access vouchers create --count 20 --valid-for 24h --max-devices 2')
    .action(async (options: CreateOptions) => {
      const { validFor, label, json, csv: asCsv } = options
      const count = wholeNumberOption('--count', options.count, 1, 10_000)
      const maxDevices = wholeNumberOption('--max-devices', options.maxDevices, 1, 100)
      const order = { count, validForMs: validFor, maxDevices, label, now: Date.now() }
      const made = await withAccessLog(loadConfig(context.env), ({ access, keys: [secret] }) =>
        createVouchers(access, secret, order),
      )
      const rows = made.map(({ id, code }) => ({
        id,
        code,
        valid_for_seconds: validFor / 1000,
        max_devices: maxDevices,
        label,
      }))
      if (json) context.output.json(rows)
      else if (asCsv)
        context.output.line(
          csv(
            ['id', 'code', 'valid_for_seconds', 'max_devices', 'label'],
            rows.map((row) => Object.values(row)),
          ),
        )
      else
        context.output.line(
          slips(
            made.map(({ code }) => code),
            validFor,
            maxDevices,
            label,
          ),
        )
      context.exitStatus = EXIT.ok
    })
}

function registerList(vouchers: Command, context: Context): void {
  vouchers
    .command('list')
    .description('List the vouchers, without their codes.')
    .option('--json', 'print one JSON document')
    .addHelpText('after', '\nExamples:\n  gatepost access vouchers list --json')
    .action(async ({ json }: { json?: true }) => {
      const states = await withAccessLog(loadConfig(context.env), ({ access }) =>
        Promise.resolve(listVouchers(access, Date.now())),
      )
      if (json) context.output.json(states.map(rowOf))
      else {
        const headings = ['id', 'label', 'state', 'devices', 'max_devices', 'valid_for_seconds', 'created_at', 'ends']
        const cells = states.map(rowOf).map((row) => {
          const { id, label, state, devices, max_devices, valid_for_seconds, created_at, ends } = row
          return [id, label, state, devices, max_devices, valid_for_seconds, created_at, ends ?? '']
        })
        context.output.line(table(headings, cells))
      }
      context.exitStatus = EXIT.ok
    })
}

function registerRevoke(vouchers: Command, context: Context): void {
  vouchers
    .command('revoke')
    .description('Revoke a voucher: further logins with it are refused, and its sessions are cut off.')
    .argument('<id>', 'as list shows it')
    .option('--reason <text>', 'reason that the portal shows', '')
    .addHelpText('after', "\nExamples:\n  gatepost access vouchers revoke 5d0c5e0f3b1c2a4d6e8f9a0b --reason 'lost'")
    .action(async (id: string, { reason }: { reason: string }) => {
      const found = await withAccessLog(loadConfig(context.env), ({ access }) =>
        revokeVoucher(access, id, reason, Date.now()),
      )
      if (found) context.output.line(`revoked ${id}`)
      else context.output.note(`there is no voucher ${id}`)
      context.exitStatus = found ? EXIT.ok : EXIT.usage
    })
}

function rowOf(state: VoucherState) {
  return {
    id: state.id,
    label: state.label,
    state: state.state,
    devices: state.devices,
    max_devices: state.maxDevices,
    valid_for_seconds: state.validForMs / 1000,
    created_at: new Date(state.createdAt).toISOString(),
    first_used: state.firstUsed === null ? null : new Date(state.firstUsed).toISOString(),
    ends: state.ends === null ? null : new Date(state.ends).toISOString(),
  }
}

const SLIP_WIDTH = 34
const SLIPS_ABREAST = 2

/** Slips to print and cut, two per row. */
function slips(codes: readonly string[], validForMs: number, maxDevices: number, label: string): string {
  const line = (text: string) => `| ${text.slice(0, SLIP_WIDTH).padEnd(SLIP_WIDTH)} `
  const edge = `+${'-'.repeat(SLIP_WIDTH + 2)}`
  const what = `${inWords(validForMs)}, ${maxDevices} device${maxDevices === 1 ? '' : 's'}`
  const lines: string[] = []
  for (let at = 0; at < codes.length; at += SLIPS_ABREAST) {
    const row = codes.slice(at, at + SLIPS_ABREAST)
    const all = (text: (code: string) => string) => row.map((code) => line(text(code))).join('') + '|'
    lines.push(row.map(() => edge).join('') + '+')
    if (label !== '') lines.push(all(() => printable(label)))
    lines.push(
      all((code) => `Wi-Fi code: ${code}`),
      all(() => what),
    )
    lines.push(row.map(() => edge).join('') + '+')
  }
  return lines.join('\n')
}

/** A terminal would execute escape sequences. */
function printable(text: string): string {
  return text.replace(/[\u0000-\u001f\u007f-\u009f]/g, '\ufffd')
}

function inWords(ms: number): string {
  const [count, unit] =
    ms % 86_400_000 === 0
      ? [ms / 86_400_000, 'day']
      : ms % 3_600_000 === 0
        ? [ms / 3_600_000, 'hour']
        : [Math.ceil(ms / 60_000), 'minute']
  return `${count} ${unit}${count === 1 ? '' : 's'}`
}

function validFor(text: string): number {
  const value = parseDuration(text)
  if (value === undefined || value < 60_000 || value > 366 * 86_400_000)
    throw new InvalidArgumentError('allowed is a duration from 60s to 366d')
  return value
}

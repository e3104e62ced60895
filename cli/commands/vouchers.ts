import { InvalidArgumentError, Option, type Command } from 'commander'
import { normalMac } from '../../common/mac.ts'
import { termsInWords, voucherSheet, type VoucherTerms } from '../../access/voucher-sheet.ts'
import {
  createVouchers,
  listVouchers,
  releaseVoucher,
  revokeVoucher,
  type VoucherState,
} from '../../access/vouchers.ts'
import { withAccessLog } from '../../runtime/instance/access-log.ts'
import { loadConfig } from '../../runtime/config/config.ts'
import { parseDuration, parseSize } from '../../runtime/config/values.ts'
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
  readonly session?: number
  readonly quota?: number
  readonly wins?: 'first' | 'newest'
  readonly sheet?: true
  readonly url?: string
  readonly title: string
  readonly json?: true
  readonly csv?: true
}

/** `gatepost access vouchers`: codes for the portal's login method voucher. */
export function registerVouchers(access: Command, context: Context): void {
  const vouchers = access
    .command('vouchers')
    .summary('make, list, release and revoke voucher codes')
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
  gatepost access vouchers create --count 40 --valid-for 7d --session 8h --quota 10GB --sheet >vouchers.html
  gatepost access vouchers list
  gatepost access vouchers release 5d0c5e0f3b1c2a4d6e8f9a0b
  gatepost access vouchers revoke 5d0c5e0f3b1c2a4d6e8f9a0b --reason 'handed out by mistake'`,
    )
  registerCreate(vouchers, context)
  registerList(vouchers, context)
  registerRelease(vouchers, context)
  registerRevoke(vouchers, context)
}

function registerCreate(vouchers: Command, context: Context): void {
  vouchers
    .command('create')
    .description("Create vouchers. A voucher's time begins with its first use.")
    .option('--count <n>', 'how many, 1 to 10000', '1')
    .addOption(
      new Option('--valid-for <duration>', 'how long from the first use, such as 2h or 7d')
        .argParser(validFor)
        .default(24 * 3_600_000, '24h'),
    )
    .option('--max-devices <n>', 'how many devices may be online with each at a time, 1 to 100', '1')
    .option('--wins <who>', 'which device may stay if there are more: first (the default) or newest', winner)
    .option(
      '--session <duration>',
      "longest session, such as 8h (default: the portal's, GATEPOST_SESSION_MAX)",
      validFor,
    )
    .option('--quota <size>', 'bytes that all sessions of a voucher may move together, such as 2GB', quota)
    .option('--label <text>', 'label of the vouchers', '')
    .option('--sheet', 'print an HTML page with QR codes, to print and cut')
    .option(
      '--url <url>',
      'sheet: a page with http whose call leads to the portal; its QR codes enter the code there',
      sheetUrl,
    )
    .option('--title <text>', "sheet: the network's name", 'Wi-Fi')
    .option('--json', 'print one JSON document')
    .option('--csv', 'print CSV')
    .addHelpText('after', '\nExamples:\n  gatepost access vouchers create --count 20 --valid-for 24h --max-devices 2')
    .action(async (options: CreateOptions) => {
      const { validFor, label, json, csv: asCsv, session, quota, wins } = options
      const count = wholeNumberOption('--count', options.count, 1, 10_000)
      const maxDevices = wholeNumberOption('--max-devices', options.maxDevices, 1, 100)
      const limits = { validForMs: validFor, maxDevices, sessionMs: session, quotaBytes: quota, wins }
      const order = { count, ...limits, label, now: Date.now() }
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
      else if (options.sheet) {
        const codes = made.map(({ code }) => code)
        context.output.line(voucherSheet({ codes, ...limits, label, title: options.title, url: options.url ?? null }))
      } else
        context.output.line(
          slips(
            made.map(({ code }) => code),
            limits,
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

function registerRelease(vouchers: Command, context: Context): void {
  vouchers
    .command('release')
    .description("Free the places of a voucher's devices: they are cut off, and others may use it.")
    .argument('<id>', 'as list shows it')
    .option('--device <mac>', 'only this device')
    .option('--json', 'print one JSON document')
    .addHelpText(
      'after',
      '\nExamples:\n  gatepost access vouchers release 5d0c5e0f3b1c2a4d6e8f9a0b --device 50:a6:7f:84:9c:d1',
    )
    .action(async (id: string, { device, json }: { device?: string; json?: true }) => {
      const mac = device === undefined ? null : normalMac(device)
      if (mac === '') throw new InvalidArgumentError(`--device ${device}: allowed is a MAC, such as 50:a6:7f:84:9c:d1`)
      const count = await withAccessLog(loadConfig(context.env), ({ access }) =>
        releaseVoucher(access, id, mac, Date.now()),
      )
      if (count === null) context.output.note(`there is no voucher ${id}`)
      else if (json) context.output.json({ id, released: count })
      else context.output.line(`released ${count} device${count === 1 ? '' : 's'} of ${id}`)
      context.exitStatus = count === null ? EXIT.usage : EXIT.ok
    })
}

function registerRevoke(vouchers: Command, context: Context): void {
  vouchers
    .command('revoke')
    .description('Revoke a voucher: further logins with it are refused, and its sessions are cut off.')
    .argument('<id>', 'as list shows it')
    .option('--reason <text>', 'reason that the portal shows', '')
    .option('--json', 'print one JSON document')
    .addHelpText('after', "\nExamples:\n  gatepost access vouchers revoke 5d0c5e0f3b1c2a4d6e8f9a0b --reason 'lost'")
    .action(async (id: string, { reason, json }: { reason: string; json?: true }) => {
      const found = await withAccessLog(loadConfig(context.env), ({ access }) =>
        revokeVoucher(access, id, reason, Date.now()),
      )
      if (found && json) context.output.json({ id, revoked: true })
      else if (found) context.output.line(`revoked ${id}`)
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
    session_seconds: state.sessionMs === null ? null : state.sessionMs / 1000,
    quota_bytes: state.quotaBytes,
    wins: state.wins,
    created_at: new Date(state.createdAt).toISOString(),
    first_used: state.firstUsed === null ? null : new Date(state.firstUsed).toISOString(),
    ends: state.ends === null ? null : new Date(state.ends).toISOString(),
  }
}

const SLIP_WIDTH = 34
const SLIPS_ABREAST = 2

/** Slips to print and cut, two per row. */
function slips(codes: readonly string[], terms: VoucherTerms, label: string): string {
  const line = (text: string) => `| ${text.slice(0, SLIP_WIDTH).padEnd(SLIP_WIDTH)} `
  const edge = `+${'-'.repeat(SLIP_WIDTH + 2)}`
  const [first, second, ...others] = termsInWords(terms)
  const lines: string[] = []
  for (let at = 0; at < codes.length; at += SLIPS_ABREAST) {
    const row = codes.slice(at, at + SLIPS_ABREAST)
    const all = (text: (code: string) => string) => row.map((code) => line(text(code))).join('') + '|'
    lines.push(row.map(() => edge).join('') + '+')
    if (label !== '') lines.push(all(() => printable(label)))
    lines.push(
      all((code) => `Wi-Fi code: ${code}`),
      all(() => `${first}, ${second}`),
      ...(others.length === 0 ? [] : [all(() => others.join(', '))]),
    )
    lines.push(row.map(() => edge).join('') + '+')
  }
  return lines.join('\n')
}

/** A terminal would execute escape sequences. */
function printable(text: string): string {
  return text.replace(/[\u0000-\u001f\u007f-\u009f]/g, '\ufffd')
}

function validFor(text: string): number {
  const value = parseDuration(text)
  if (value === undefined || value < 60_000 || value > 366 * 86_400_000)
    throw new InvalidArgumentError('allowed is a duration from 60s to 366d')
  return value
}

function quota(text: string): number {
  const bytes = parseSize(text)
  if (bytes === undefined || bytes < 1)
    throw new InvalidArgumentError('allowed is a size above 0, such as 500MB or 2GB')
  return bytes
}

/** With https, a gateway could not send the browser on to the portal. */
function sheetUrl(text: string): string {
  if (!URL.canParse(text) || new URL(text).protocol !== 'http:' || text.length > 200)
    throw new InvalidArgumentError('allowed is a URL with http, of at most 200 characters')
  return text
}

function winner(text: string): 'first' | 'newest' {
  if (text !== 'first' && text !== 'newest') throw new InvalidArgumentError('allowed is first or newest')
  return text
}

import type { Command } from 'commander'
import type { Context } from '../context.ts'
import { registerVouchers } from './vouchers.ts'

/** `gatepost access`: who may go online. */
export function registerAccess(program: Command, context: Context): void {
  const access = program
    .command('access')
    .summary('vouchers of the portal')
    .description('Who may go online.')
    .addHelpText('after', '\nExamples:\n  gatepost access vouchers create --count 20 --valid-for 24h --max-devices 2')
  registerVouchers(access, context)
}

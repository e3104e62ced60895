import type { Command } from 'commander'
import type { Context } from '../context.ts'
import { registerDecisions } from './decisions.ts'
import { registerVouchers } from './vouchers.ts'

/** `gatepost access`: who may go online. */
export function registerAccess(program: Command, context: Context): void {
  const access = program
    .command('access')
    .summary('decide who may go online; vouchers of the portal')
    .description('Who may go online.')
    .addHelpText(
      'after',
      '\nExamples:\n  gatepost access deny mac 50:a6:7f:84:9c:d1 --until 24h\n  gatepost access list\n  gatepost access vouchers create --count 20 --valid-for 24h --max-devices 2',
    )
  registerDecisions(access, context)
  registerVouchers(access, context)
}

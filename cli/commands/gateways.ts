import type { Command } from 'commander'
import { listGateways, type Gateway } from '../../reporter/queries/gateways.ts'
import { loadConfig } from '../../runtime/config/config.ts'
import { withStore } from '../../runtime/instance/connect.ts'
import type { Context } from '../context.ts'
import { EXIT } from '../exit-code.ts'
import { table } from '../output.ts'
import { registerRegistration } from './registration.ts'

/** In words. */
function warningOf({ warning, addresses }: Gateway): string {
  return warning === 'same_id' ? `several gateways have this id (${addresses.join(', ')})` : warning
}

/** `gatepost gateways`: gateways and their state. */
export function registerGateways(program: Command, context: Context): void {
  const gateways = program
    .command('gateways')
    .summary('list the gateways and their state; register them')
    .description(
      'List the gateways with their latest heartbeat: up (seen within two intervals), late (within five) or down; and with a warning if several gateways call themselves the same.',
    )
    .option('--down', 'only those that are down')
    .option('--json', 'print one JSON document')
    .addHelpText('after', '\nExamples:\n  gatepost gateways\n  gatepost gateways --down --json')
    .action(async (options: { down?: true; json?: true }) => {
      const config = loadConfig(context.env)
      const note = (text: string) => context.output.note(text)
      const rows = await withStore(config, note, (store) => listGateways(store, options.down === true))
      if (options.json) context.output.json(rows)
      else {
        const headings = ['gw_id', 'name', 'state', 'last_seen', 'remote_ip', 'clients', 'restarts', 'warning']
        const cells = rows.map((row) => {
          return [
            row.gw_id,
            row.name,
            row.state,
            row.last_seen,
            row.remote_ip,
            row.clients,
            row.restarts,
            warningOf(row),
          ]
        })
        context.output.line(table(headings, cells))
      }
      context.exitStatus = EXIT.ok
    })
  registerRegistration(gateways, context)
}

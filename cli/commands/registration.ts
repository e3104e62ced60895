import { isIP } from 'node:net'
import type { Command } from 'commander'
import { GatepostError, messageOf } from '../../common/errors.ts'
import { blockList } from '../../access/registry.ts'
import { withAccessLog } from '../../runtime/instance/access-log.ts'
import { loadConfig } from '../../runtime/config/config.ts'
import { withStore } from '../../runtime/instance/connect.ts'
import type { Context } from '../context.ts'
import { EXIT } from '../exit-code.ts'
import { registerAll } from '../../access/registration.ts'
import { SUBJECTS, type Registration } from '../../access/subjects.ts'

interface Options {
  readonly address?: string
  readonly source?: string[]
  readonly name?: string
  readonly location?: string
  readonly routed?: true
  readonly landing?: string
  readonly json?: true
}

/** `gatepost gateways register|unregister`: what an operator knows about a gateway. */
export function registerRegistration(gateways: Command, context: Context): void {
  gateways
    .command('register')
    .description('Register a gateway. Options that are not given again are removed from an existing registration.')
    .argument('<gw_id>', 'the gw_id that the gateway sends')
    .option('--address <ip>', 'address under which browsers reach the gateway: tokens are sent there')
    .option(
      '--source <cidr...>',
      'source addresses of its requests: from any other address, heartbeats do not count and nobody is let in',
    )
    .option('--name <text>', 'name of the gateway')
    .option('--location <text>', 'location of the gateway')
    .option('--routed', 'devices reach us with their own addresses (no NAT), so they may use the captive portal API')
    .option('--landing <url>', 'page that its guests go on to, instead of GATEPOST_LANDING_URL')
    .option('--json', 'print one JSON document')
    .addHelpText(
      'after',
      `
Examples:
  gatepost gateways register 001217DA42D2 --name 'Town hall' --source 203.0.113.7
  gatepost gateways register 001217DA42D2 --address 10.1.0.1 --source 10.1.0.0/16 2001:db8::/32 --routed`,
    )
    .action(async (gwId: string, _own: Options, command: Command) => {
      // The parent command has an option --json too, and takes the value.
      const options: Options = command.optsWithGlobals()
      const data = registration(gwId, options)
      const config = loadConfig(context.env)
      const note = (text: string) => context.output.note(text)
      await withAccessLog(config, ({ access }) =>
        withStore(config, note, (store) => registerAll(access, store, new Map([[gwId, data]])), 'create'),
      )
      if (options.json) context.output.json({ gw_id: gwId, ...data })
      else context.output.line(`${gwId}: registered`)
      context.exitStatus = EXIT.ok
    })
  gateways
    .command('unregister')
    .description('Remove the registration of a gateway.')
    .argument('<gw_id>', "the gateway's identifier")
    .option('--json', 'print one JSON document')
    .addHelpText('after', '\nExamples:\n  gatepost gateways unregister 001217DA42D2')
    .action(async (gwId: string, _own: Options, command: Command) => {
      const known = await withAccessLog(loadConfig(context.env), async ({ access }) => {
        const subject = SUBJECTS.registration.of(gwId)
        const found = access.get(subject, Date.now()) !== undefined
        if (found) await access.put(subject, null)
        return found
      })
      if (command.optsWithGlobals<Options>().json) context.output.json({ gw_id: gwId, unregistered: known })
      else context.output.line(known ? `${gwId}: forgotten` : `${gwId}: is not registered`)
      context.exitStatus = known ? EXIT.ok : EXIT.failed
    })
}

/** @throws GatepostError INPUT_INVALID */
function registration(
  gwId: string,
  { address = '', source = [], name = '', location = '', routed, landing = '' }: Options,
): Registration {
  if (gwId === '' || gwId.length > 256 || gwId.includes('#')) {
    throw new GatepostError('INPUT_INVALID', `gw_id ${gwId}: allowed are 1 to 256 characters without #`)
  }
  if (address !== '' && isIP(address) === 0) {
    throw new GatepostError('INPUT_INVALID', `--address ${address}: not an IP address`)
  }
  if (landing !== '' && !(/^https?:\/\//i.test(landing) && URL.canParse(landing) && landing.length <= 1500)) {
    throw new GatepostError('INPUT_INVALID', `--landing ${landing}: not a URL with http or https`)
  }
  try {
    blockList(source)
  } catch (error) {
    throw new GatepostError('INPUT_INVALID', `--source: ${messageOf(error)}`, error)
  }
  return { address, sources: source, name, location, routed: routed ?? false, ...(landing === '' ? {} : { landing }) }
}

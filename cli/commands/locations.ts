import type { Command } from 'commander'
import { readSource } from '../../reporter/locations/fetch.ts'
import { parseLocations } from '../../reporter/locations/parse.ts'
import { listLocations, replaceLocations } from '../../reporter/locations/table.ts'
import { loadConfig } from '../../runtime/config/config.ts'
import { withStore } from '../../runtime/instance/connect.ts'
import type { Context } from '../context.ts'
import { EXIT } from '../exit-code.ts'
import { table } from '../output.ts'

/** `gatepost locations`: the location of each site. */
export function registerLocations(program: Command, context: Context): void {
  const locations = program
    .command('locations')
    .summary("import or list the sites' locations")
    .description('Which location each site address belongs to; the metrics need it.')
    .addHelpText(
      'after',
      `
Examples:
  gatepost locations import sites.csv
  gatepost locations import https://example.org/locations.json
  gatepost locations list --json`,
    )
  registerImport(locations, context)
  registerList(locations, context)
}

function registerImport(locations: Command, context: Context): void {
  locations
    .command('import')
    .description(
      'Replace all locations by those of a file or URL: a JSON array of {"ip", "location_id", "name"}, or CSV\n' +
        'with these columns; name is optional. A file with a mistake changes nothing.',
    )
    .argument('<file|url>', 'file, or address that begins with http:// or https://')
    .option('--json', 'print one JSON document')
    .addHelpText(
      'after',
      `
Examples:
  gatepost locations import sites.csv
  gatepost locations import https://example.org/locations.json --json`,
    )
    .action(async (source: string, options: { json?: true }) => {
      const config = loadConfig(context.env)
      const rows = parseLocations(await readSource(source))
      const note = (text: string) => context.output.note(text)
      await withStore(config, note, (store) => replaceLocations(store, rows), 'create')
      if (options.json) context.output.json({ imported: rows.length })
      else context.output.line(`imported ${rows.length} locations`)
      context.exitStatus = EXIT.ok
    })
}

function registerList(locations: Command, context: Context): void {
  locations
    .command('list')
    .description('List the locations.')
    .option('--json', 'print one JSON document')
    .addHelpText('after', '\nExamples:\n  gatepost locations list')
    .action(async (options: { json?: true }) => {
      const config = loadConfig(context.env)
      const rows = await withStore(config, (text) => context.output.note(text), listLocations)
      if (options.json) context.output.json(rows)
      else {
        const cells = rows.map(({ ip, location_id, name }) => [ip, location_id, name])
        context.output.line(table(['ip', 'location_id', 'name'], cells))
      }
      context.exitStatus = EXIT.ok
    })
}

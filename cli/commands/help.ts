import type { Command } from 'commander'

/** `gatepost help [command...]`: commander's own takes one name, and `help access vouchers` would be help of `access`. */
export function registerHelp(program: Command): void {
  program
    .helpCommand(false)
    .command('help')
    .summary('print help of a command')
    .description('Print help of a command, or of a command below it.')
    .argument('[command...]', 'its name')
    .addHelpText('after', '\nExamples:\n  gatepost help backup\n  gatepost help access vouchers create')
    .action((names: string[]) => {
      let found = program
      for (const name of names) {
        const next = found.commands.find((command) => command.name() === name)
        if (next === undefined) program.error(`error: unknown command '${names.join(' ')}'`)
        found = next
      }
      found.help()
    })
}

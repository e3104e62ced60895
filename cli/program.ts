import { Command, type Argument, type Option } from 'commander'
import { registerAccess } from './commands/access.ts'
import { registerAccounts } from './commands/accounts.ts'
import { registerAggregator } from './commands/aggregator.ts'
import { registerBackup } from './commands/backup.ts'
import { registerCompletion } from './commands/completion.ts'
import { registerConfig } from './commands/config.ts'
import { registerDeadLetters } from './commands/dead-letters.ts'
import { registerDemo } from './commands/demo.ts'
import { registerDoctor } from './commands/doctor.ts'
import { registerForget } from './commands/forget.ts'
import { registerGateways } from './commands/gateways.ts'
import { registerHelp } from './commands/help.ts'
import { registerImport } from './commands/import.ts'
import { registerIngest } from './commands/ingest.ts'
import { registerMissingCommands } from './commands/not-in-this-version.ts'
import { registerLocations } from './commands/locations.ts'
import { registerLogins } from './commands/logins.ts'
import { registerMigrate } from './commands/migrate.ts'
import { registerMetrics } from './commands/metrics.ts'
import { registerPublish } from './commands/publish.ts'
import { registerReplay } from './commands/replay.ts'
import { registerReporter } from './commands/reporter.ts'
import { registerRestore } from './commands/restore.ts'
import { registerServe } from './commands/serve.ts'
import { registerSessions } from './commands/sessions.ts'
import { registerTail } from './commands/tail.ts'
import { registerTopics } from './commands/topics.ts'
import { becomeUser } from '../runtime/user.ts'
import type { Context } from './context.ts'
import { EXIT_STATUS_HELP } from './exit-code.ts'

/** The whole command line. It throws; it never calls process.exit. */
export function buildProgram(context: Context): Command {
  const program = new Command('gatepost')
    .description('Takes what Wi-Fi gateways and RADIUS servers report and turns it into tables and usage metrics.')
    .version(context.version, '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print help')
    .configureHelp({
      commandDescription: (command) => unfolded(command.description()),
      // That commands have options goes without saying; the names of metrics leave little room beside them.
      subcommandTerm: (command) => [command.name(), ...command.registeredArguments.map(argumentTerm)].join(' '),
      optionDescription: describedOption,
      minWidthToWrap: 20,
    })
    .showSuggestionAfterError()
    .exitOverride()
    .hook('preAction', () => becomeUser(context.env))
    .configureOutput({
      writeOut: (text) => context.output.line(text.replace(/\n$/, '')),
      writeErr: (text) => context.output.note(text.replace(/\n$/, '')),
    })
    .addHelpText(
      'after',
      `${EXIT_STATUS_HELP}

Examples:
  gatepost serve
  gatepost metrics account-usage --period week --json
  gatepost config`,
    )
  registerServe(program, context)
  registerDemo(program, context)
  registerIngest(program, context)
  registerAggregator(program, context)
  registerReporter(program, context)
  registerMetrics(program, context)
  registerPublish(program, context)
  registerLogins(program, context)
  registerLocations(program, context)
  registerAccounts(program, context)
  registerGateways(program, context)
  registerSessions(program, context)
  registerAccess(program, context)
  registerDeadLetters(program, context)
  registerReplay(program, context)
  registerImport(program, context)
  registerForget(program, context)
  registerTail(program, context)
  registerBackup(program, context)
  registerRestore(program, context)
  registerMigrate(program, context)
  registerTopics(program, context)
  registerConfig(program, context)
  registerDoctor(program, context)
  registerMissingCommands(program, context)
  registerHelp(program)
  registerCompletion(program)
  return program
}

/** Without the line ends within a paragraph: they are where the source breaks, and help is wrapped at the terminal's width. */
function unfolded(text: string): string {
  return text.replace(/([^\n])\n(?=[^\n ])/g, '$1 ')
}

function argumentTerm(argument: Argument): string {
  const name = argument.name() + (argument.variadic ? '...' : '')
  return argument.required ? `<${name}>` : `[${name}]`
}

/** With its default as people would write it: without quotes, and only if there is one. */
function describedOption(option: Option): string {
  const { description, argChoices, defaultValueDescription } = option
  const defaultValue = option.defaultValue as string | number | boolean | undefined
  const shown = defaultValueDescription ?? (option.isBoolean() ? '' : String(defaultValue ?? ''))
  const facts = [
    ...(argChoices === undefined ? [] : [`one of ${argChoices.join(', ')}`]),
    ...(shown === '' ? [] : [`default: ${shown}`]),
  ]
  return facts.length === 0 ? description : `${description} (${facts.join('; ')})`
}

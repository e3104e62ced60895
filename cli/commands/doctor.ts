import type { Command } from 'commander'
import type { Context } from '../context.ts'
import { EXIT } from '../exit-code.ts'
import { table } from '../output.ts'

/** `gatepost doctor`: what is wrong, and what to do. */
export function registerDoctor(program: Command, context: Context): void {
  program
    .command('doctor')
    .summary('look at everything an instance needs, and say what to do')
    .description(
      'Look at the configuration, the machine, the data directory and its disk, ports, certificates, the running instance, Kafka and the tables,\n' +
        'and say of each finding what to do. Changes nothing. Exit status 1: there is a problem; warnings do not change it.',
    )
    .option('--json', 'print one JSON document')
    .addHelpText('after', '\nExamples:\n  gatepost doctor\n  gatepost doctor --json')
    .action(async ({ json }: { json?: true }) => {
      const { examine } = await import('../../runtime/doctor/examine.ts')
      const progress = (what: string) => {
        if (process.stderr.isTTY && !json) context.output.note(`looking at ${what} …`)
      }
      const findings = await examine(context.env, context.version, progress)
      const problems = findings.filter(({ level }) => level === 'problem')
      if (json) context.output.json({ ok: problems.length === 0, findings })
      else {
        const rows = findings.map(({ level, check, found, advice }) => [
          level,
          check,
          advice === null ? found : `${found}. To do: ${advice}`,
        ])
        context.output.line(table(['', 'check', 'found'], rows))
      }
      context.exitStatus = problems.length === 0 ? EXIT.ok : EXIT.failed
    })
}

import { readFileSync } from 'node:fs'
import type { Command } from 'commander'
import t from 'tap'
import { commandsIn, DOCUMENTED_PAGES } from '../../test/helpers/documented-commands.ts'
import { packageFile } from '../../common/package-root.ts'
import { programToLookAt } from './run-cli.ts'

/* Every command that the documentation names is there, with every option that it is shown with. */

const program = programToLookAt()

/** What a command line names that the program does not have; null: nothing. */
function unknown(line: string): string | null {
  const words = line
    .replace(/\s(?:#|&&|>|<).*/, '')
    .split(/\s+/)
    .slice(1)
  const path: Command[] = [program]
  const options = words.filter((word) => word.startsWith('--')).map((word) => word.replace(/[^a-z-].*$/, ''))
  for (const word of words) {
    const [first = ''] = word.split('|')
    const next = path[0].commands.find((command) => command.name() === first)
    if (next === undefined) {
      // What follows the names are values.
      if (path[0].commands.length > 0 && /^[a-z]/.test(first) && path[0].registeredArguments.length === 0) return first
      break
    }
    if (next.name() === 'help') return null
    path.unshift(next)
  }
  // A name in capitals stands for any of the commands below.
  const meant = words.some((word) => /^[A-Z]+$/.test(word)) ? [...path, ...path[0].commands] : path
  const known = meant.flatMap((command) => command.options.map(({ long }) => long))
  return options.find((option) => option !== '--help' && !known.includes(option)) ?? null
}

t.test('what the check finds', (t) => {
  t.equal(unknown('gatepost access forbid mac 1'), 'forbid')
  t.equal(unknown('gatepost logins --who alice'), '--who')
  t.equal(unknown('gatepost access vouchers create --count 20 # to print'), null)
  t.end()
})

t.test('commands and options of the documentation', (t) => {
  for (const page of DOCUMENTED_PAGES) {
    const text = readFileSync(packageFile(page), 'utf8')
    const inline = [...text.matchAll(/`((?:bin\/)?gatepost [^`\n]*)`/g)].map(([, line = '']) => line)
    for (const line of [...commandsIn(page), ...inline]) {
      const found = unknown(line.replace(/^(?:[A-Z_]+=\S+ )*(?:bin\/)?/, ''))
      t.equal(found, null, `${page}: ${line}`)
    }
  }
  t.end()
})

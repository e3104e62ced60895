import { readFileSync } from 'node:fs'
import { relative } from 'node:path'
import { packageFile } from '../../common/package-root.ts'
import { sourceOf } from './files.ts'
import type { FileResult } from './run-file.ts'

/** Lines that follow a failed assertion and say what was wrong. */
const LINES_OF_A_FAILURE = 16
const LINES_OF_A_FILE = 120

/** One line for a test file that has ended. */
export function lineOf({ file, passed, failed, skipped, milliseconds }: FileResult): string {
  const seconds = (milliseconds / 1000).toFixed(1).padStart(6)
  const counts = [`${passed} passed`]
  if (failed > 0) counts.push(`${failed} failed`)
  if (skipped > 0) counts.push(`${skipped} skipped`)
  return `${failed > 0 ? 'FAILED' : '    ok'} ${seconds} s  ${sourceOf(file)}: ${counts.join(', ')}`
}

/** What failed in a test file, as it said itself; its whole output if it said nothing of the kind. Both are cut: the rest is in the file. */
export function failuresOf({ outputFile }: FileResult): string {
  const lines = readFileSync(outputFile, 'utf8').trimEnd().split('\n')
  const wanted = new Set<number>()
  lines.forEach((line, index) => {
    if (!/^ *not ok /.test(line)) return
    for (let next = index; next < index + LINES_OF_A_FAILURE && next < lines.length; next++) wanted.add(next)
  })
  const chosen = wanted.size === 0 ? lines.slice(-LINES_OF_A_FILE) : lines.filter((_, index) => wanted.has(index))
  const readable = chosen.filter((line) => !/^ *(\.\.\.|---|stack: .*|at:)$/.test(line)).slice(0, LINES_OF_A_FILE)
  return [
    ...readable.map((line) => line.slice(0, 300)),
    `whole output: ${relative(packageFile('.'), outputFile)}`,
  ].join('\n')
}

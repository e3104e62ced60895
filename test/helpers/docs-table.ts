import { readFileSync, writeFileSync } from 'node:fs'
import type { Test } from 'tap'
import { packageFile } from '../../common/package-root.ts'

const END = '\n<!-- end of table -->'

/**
 * Asserts that a page has this table between its marks; with GATEPOST_WRITE_DOCS=1, writes it there.
 * @param begin the line before the table, which says how it is written
 */
export function assertTable(t: Test, page: string, begin: string, table: string): void {
  const file = packageFile(page)
  const text = readFileSync(file, 'utf8')
  const [before, rest] = text.split(`${begin}\n`)
  const after = rest?.split(END)[1]
  if (rest === undefined || after === undefined) throw new Error(`${page}: the marks around the table are missing`)
  const current = `${before}${begin}\n${table}${END}${after}`
  if (process.env['GATEPOST_WRITE_DOCS'] === '1') writeFileSync(file, current)
  else t.equal(text, current, `${page} has every row`)
}

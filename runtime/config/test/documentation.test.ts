import { readFileSync, writeFileSync } from 'node:fs'
import t from 'tap'
import { packageFile } from '../../../common/package-root.ts'
import { configurationTable } from '../documentation.ts'

const BEGIN =
  '<!-- table of variables: written by GATEPOST_WRITE_DOCS=1 npx tap dist/runtime/config/test/documentation.test.js -->\n'
const END = '\n<!-- end of table -->'

t.test('docs/configuration.md lists all variables', (t) => {
  const file = packageFile('docs/configuration.md')
  const text = readFileSync(file, 'utf8')
  const [before, rest] = text.split(BEGIN)
  const after = rest?.split(END)[1]
  if (rest === undefined || after === undefined) throw new Error('the marks around the table are missing')
  const current = before + BEGIN + configurationTable() + END + after
  if (process.env['GATEPOST_WRITE_DOCS'] === '1') writeFileSync(file, current)
  else t.equal(text, current)
  t.end()
})

import t from 'tap'
import { assertTable } from '../../../test/helpers/docs-table.ts'
import { configurationTable } from '../documentation.ts'

const BEGIN =
  '<!-- table of variables: written by GATEPOST_WRITE_DOCS=1 npx tap dist/runtime/config/test/documentation.test.js -->'

t.test('docs/configuration.md lists all variables', (t) => {
  assertTable(t, 'docs/configuration.md', BEGIN, configurationTable())
  t.end()
})

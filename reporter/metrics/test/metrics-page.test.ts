import { readFileSync } from 'node:fs'
import t from 'tap'
import { packageFile } from '../../../common/package-root.ts'
import { METRICS, metricSql } from '../definitions.ts'

const page = readFileSync(packageFile('docs/metrics.md'), 'utf8')

t.test('docs/metrics.md and the queries describe each metric and each field', (t) => {
  for (const metric of METRICS) {
    const { name, fields } = metric
    t.match(page, new RegExp(`^(## |\\|.*)${name}\\b`, 'm'), name)
    const sql = metricSql(metric)
    const words = sql.split('\n').filter((line) => line.startsWith('--'))
    t.ok(words[0].startsWith(`-- ${name}: `), `${name}.sql begins with its definition`)
    for (const field of Object.keys(fields.shape)) {
      // The page describes the cumulative fields of completion-rate together.
      t.match(page, new RegExp(`^\\|.*\\b${field.replace(/^cumulative_(?!all)/, '')}\\b`, 'm'), `${name}: ${field}`)
      t.match(sql, new RegExp(`\\b${field}\\b`), `${name}.sql: ${field}`)
    }
    const parameters = new Set([...sql.matchAll(/\{(\w+):/g)].map(([, parameter]) => parameter))
    const source = metric.source === undefined ? [] : ['logins']
    t.same(
      [...parameters].sort(),
      ['end', ...source, 'start'],
      `${name}.sql takes the window, its source and nothing else`,
    )
  }
  t.end()
})

import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { assertTable } from '../../test/helpers/docs-table.ts'
import { wrongLogLines } from '../../test/helpers/log-lines.ts'
import { packageFile } from '../package-root.ts'
import { LOG_EVENTS } from '../log-events.ts'

const BEGIN = '<!-- table of events: written by GATEPOST_WRITE_DOCS=1 npx tap dist/common/test/log-events.test.js -->'

const events = Object.entries(LOG_EVENTS).flatMap(([level, of]) =>
  Object.entries<string>(of).map(([name, means]) => ({ level, name, means })),
)

t.test('docs/logs.md lists all events', (t) => {
  const rows = events.map(({ level, name, means }) => `| \`${name}\` | ${level} | ${means} |\n`)
  assertTable(t, 'docs/logs.md', BEGIN, `| Event | Level | What it means |\n| --- | --- | --- |\n${rows.join('')}`)
  t.end()
})

t.test('each event has one level, and is logged somewhere', (t) => {
  const names = events.map(({ name }) => name)
  t.equal(new Set(names).size, names.length)
  const sources = readdirSync(packageFile('.'), { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && !/^(node_modules|dist|test|bench|\..*)$/.test(entry.name))
    .flatMap(({ name }) =>
      readdirSync(packageFile(name), { recursive: true, encoding: 'utf8' }).map((path) => join(name, path)),
    )
    .filter((path) => path.endsWith('.ts') && !path.split('/').includes('test'))
    .map((path) => readFileSync(packageFile(path), 'utf8'))
  for (const name of names)
    t.ok(
      sources.some((text) => text.includes(`event: '${name}'`)),
      name,
    )
  t.end()
})

t.test('what the lines of a running instance are checked for', (t) => {
  const line = (level: number, fields: object) => JSON.stringify({ level, time: 1, ...fields })
  const good = [line(30, { event: 'process.stopped' }), 'no line of the logger', '{"level":30,"ev']
  const bad = [
    line(30, {}),
    line(30, { event: 'process.hidden' }),
    line(50, { event: 'process.stopped' }),
    line(30, { event: 'process.stopped', device: '00-11-22-33-44-55' }),
  ]
  t.same(wrongLogLines([...good, ...bad].join('\n')), bad)
  t.end()
})

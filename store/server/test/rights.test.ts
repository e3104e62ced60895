import { readFileSync } from 'node:fs'
import t from 'tap'
import { createLogger } from '../../../common/logger.ts'
import { packageFile } from '../../../common/package-root.ts'
import { ClusterNode } from '../../../test/helpers/cluster-node.ts'
import { openServerStore } from '../open.ts'
import { grantsOf, missingRights, RIGHTS } from '../rights.ts'

const logger = createLogger('store-test')
logger.level = 'silent'

t.test('documentation and deploy/clickhouse give exactly these rights', (t) => {
  const users = readFileSync(packageFile('deploy/clickhouse/users.d/gatepost.xml'), 'utf8')
  const given = [...users.matchAll(/<query>(GRANT .* ON .*)<\/query>/g)].map(([, grant]) => grant)
  t.same(given, grantsOf(RIGHTS))
  const page = readFileSync(packageFile('docs/clickhouse.md'), 'utf8')
  const shown = [...page.matchAll(/^(GRANT .*) TO gatepost;$/gm)].map(([, grant]) => grant)
  t.same(shown, grantsOf(RIGHTS))
  t.end()
})

/** A server asks for these if its access_control_improvements say so, as those of deploy/clickhouse do; this engine gives them to everybody. */
const OF_EVERYBODY = new Set(['SELECT on system.processes', 'CLUSTER on *.*'])
/** Without these, the migrations of an empty database are refused. */
const NEEDED_AT_START = new Set(['SELECT', 'INSERT', 'ALTER', 'CREATE TABLE', 'DROP TABLE', 'REMOTE'])

for (const right of RIGHTS) {
  const { privilege, on } = right
  if (OF_EVERYBODY.has(`${privilege} on ${on}`)) continue
  t.test(`without ${privilege} on ${on}: it is named, and what needs it is refused`, async (t) => {
    const others = grantsOf(RIGHTS.filter((each) => each !== right))
    const node = await ClusterNode.start(t.testdir() + '/node', others)
    t.teardown(() => node.stop())
    t.same(await missingRights(node.url, true), [right])
    if (!NEEDED_AT_START.has(privilege)) return
    const store = await openServerStore({ url: node.url, logger, cluster: 'gatepost' })
    t.teardown(() => store.close())
    await t.rejects(store.migrate(), { code: 'CONFIG_INVALID', message: /lacks a right/ })
  })
}

t.test('outside of a cluster its rights are not missing', async (t) => {
  const node = await ClusterNode.start(t.testdir() + '/node', grantsOf(RIGHTS.filter(({ inCluster }) => !inCluster)))
  t.teardown(() => node.stop())
  t.same(await missingRights(node.url, false), [])
  t.match(await missingRights(node.url, true), [{ privilege: 'REMOTE' }])
})

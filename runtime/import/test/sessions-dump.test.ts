import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { createLogger } from '../../../common/logger.ts'
import { openMigratedStore } from '../../../test/helpers/migrated-store.ts'
import { retentionOf } from '../../../store/retention.ts'
import { decideUserNameRule } from '../../../store/user-names.ts'
import { importSessionsDump } from '../sessions-dump.ts'
import type { DetailOutcome } from '../detail.ts'

const directory = t.testdir()
const logger = createLogger('dump-test')
logger.level = 'silent'

const options = { source: 'before', retention: retentionOf(32), keys: () => [], progress: () => {} }

const store = await openMigratedStore({ path: join(directory, 'store'), logger })
await decideUserNameRule(store, 'govwifi')
t.teardown(() => store.close())
const NOW = Math.floor(Date.now() / 1000) * 1000
/** 2024-02-29 12:00:00, as MySQL writes times. */
const ago = (days: number) => new Date(NOW - days * 86_400_000).toISOString().slice(0, 19).replace('T', ' ')

const counts = (outcome: DetailOutcome) =>
  Object.fromEntries(Object.entries(outcome).filter(([, value]) => typeof value === 'number' && value !== 0))

const CREATE = `-- MySQL dump 10.13
/*!40103 SET TIME_ZONE='+00:00' */;
CREATE TABLE \`sessions\` (
  \`id\` bigint(20) NOT NULL AUTO_INCREMENT,
  \`start\` timestamp NULL DEFAULT NULL,
  \`stop\` timestamp NULL DEFAULT NULL,
  \`siteIP\` char(15) DEFAULT NULL,
  \`username\` char(6) DEFAULT NULL,
  \`cert_name\` varchar(50) DEFAULT NULL,
  \`mac\` char(17) DEFAULT NULL,
  \`ap\` char(17) DEFAULT NULL,
  \`building_identifier\` varchar(20) DEFAULT NULL,
  \`success\` tinyint(1) DEFAULT '1',
  PRIMARY KEY (\`id\`),
  KEY \`siteIP\` (\`siteIP\`,\`username\`)
) ENGINE=InnoDB;
CREATE TABLE \`site\` (
  \`id\` int(11) NOT NULL
) ENGINE=InnoDB;
INSERT INTO \`site\` VALUES (1),(2);
`

t.test('a dump by mysqldump: what is missing is stored, once', async (t) => {
  const path = join(directory, 'sessions.sql')
  writeFileSync(
    path,
    `${CREATE}INSERT INTO \`sessions\` VALUES (1,'${ago(1)}',NULL,'192.0.2.7','ABCDEF',NULL,'50-A6-7F-84-9C-D1','C4-13-E2-22-DC-55','',1),` +
      `(2,'${ago(2)}',NULL,'192.0.2.7','GHIJKL',NULL,'','','Town hall, 4\\'th floor; (old)',0),(3,'${ago(40)}',NULL,NULL,'MNOPQR',NULL,NULL,NULL,NULL,1);\n` +
      `INSERT INTO \`sessions\` VALUES (4,'${ago(3)}',NULL,'192.0.2.8',NULL,'device ''7''','50-A6-7F-84-9C-D2',NULL,NULL,1),(5,'0000-00-00 00:00:00',NULL,NULL,'STUVWX',NULL,NULL,NULL,NULL,1);\n`,
  )
  const first = await importSessionsDump(store, path, options)
  t.same(counts(first), { entries: 5, rows: 3, expired: 1, bad: 1 })
  t.match(first.problems, [/sessions\.sql:\d+: start is no time: "0000-00-00 00:00:00"/])
  t.same(
    await store.query(
      `SELECT toString(toDateTime(received_at)) AS at, username, mac, ap, building_identifier, site_ip, success, cert_name, eap_type, source
       FROM gatepost.post_auth ORDER BY received_at DESC`,
    ),
    [
      {
        at: ago(1),
        username: 'ABCDEF',
        mac: '50-A6-7F-84-9C-D1',
        ap: 'C4-13-E2-22-DC-55',
        building_identifier: '',
        site_ip: '192.0.2.7',
        success: 1,
        cert_name: '',
        eap_type: 'MSCHAP',
        source: 'before',
      },
      {
        at: ago(2),
        username: 'GHIJKL',
        mac: '',
        ap: '',
        building_identifier: "Town hall, 4'th floor; (old)",
        site_ip: '192.0.2.7',
        success: 0,
        cert_name: '',
        eap_type: 'MSCHAP',
        source: 'before',
      },
      {
        at: ago(3),
        username: '',
        mac: '50-A6-7F-84-9C-D2',
        ap: '',
        building_identifier: '',
        site_ip: '192.0.2.8',
        success: 1,
        cert_name: "device '7'",
        eap_type: 'EAP-TLS',
        source: 'before',
      },
    ],
  )
  t.same(counts(await importSessionsDump(store, path, options)), { entries: 5, present: 3, expired: 1, bad: 1 })
})

t.test('comma-separated values; a later file of the same table', async (t) => {
  const path = join(directory, 'sessions.csv')
  writeFileSync(
    path,
    `id,start,username,mac,siteIP,success\n1,${ago(1)},ABCDEF,50-A6-7F-84-9C-D1,192.0.2.7,1\n6,${ago(1)},"YZABCD",NULL,192.0.2.9,0\n`,
  )
  t.same(counts(await importSessionsDump(store, path, options)), { entries: 2, rows: 1, present: 1 })
  t.match(await store.query(`SELECT success, mac FROM gatepost.post_auth WHERE username = 'YZABCD'`), [
    { success: 0, mac: '' },
  ])
})

t.test('what cannot be imported is said, with its line', async (t) => {
  const write = (name: string, text: string) => {
    writeFileSync(join(directory, name), text)
    return join(directory, name)
  }
  const cases = [
    [write('columns.sql', 'INSERT INTO `sessions` VALUES (1);\n'), /line 1: the columns of sessions are not known/],
    [write('values.sql', `${CREATE}INSERT INTO \`sessions\` VALUES (1,2);\n`), /line \d+: a row has 2 values/],
    [write('broken.sql', `${CREATE}INSERT INTO \`sessions\` VALUES (1,'x`), /line \d+: no value at character/],
    [write('broken.csv', 'id,start\n1,2,3\n'), /line 2/],
    [join(directory, 'missing.sql'), /ENOENT/],
  ] as const
  for (const [path, message] of cases)
    await t.rejects(importSessionsDump(store, path, options), { code: 'INPUT_INVALID', message })
  await store.command('TRUNCATE TABLE gatepost.settings')
  await decideUserNameRule(store, 'lowercase')
  await t.rejects(importSessionsDump(store, join(directory, 'sessions.sql'), options), {
    code: 'INPUT_INVALID',
    message: /rule lowercase.*GATEPOST_USERNAMES=govwifi/,
  })
})

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import type { Person } from '../person.ts'
import { createLogger } from '../../common/logger.ts'
import { GatepostError } from '../../common/errors.ts'
import type { AccessData, AccessEntry } from '../../access/log.ts'
import { FileAccessLog } from '../../access/journal-log.ts'
import type { Store } from '../../store/contract.ts'
import { forgetPerson } from '../forget-person.ts'

/* Forgetting in the access log: every kind of entry that can name a person. */

const MAC = '02-4B-9D-E1-77-3C'
const OTHER = '02-00-00-00-00-01'
const USER = 'alice@example.org'
const logger = createLogger('forget-test')
logger.level = 'silent'

/** A store whose tables name nobody. */
const store = {
  query: (sql: string) =>
    Promise.resolve(sql.includes(' AS n ') ? [{ n: 0 }] : sql.includes('now64') ? [{ ms: String(Date.now()) }] : []),
  command: () => Promise.resolve(),
} as unknown as Store

const entry = (data?: AccessData): AccessEntry => ({
  verdict: 'allow',
  reason: '',
  until: null,
  updatedAt: Date.now(),
  ...(data && { data }),
})

async function filled(dataDir: string): Promise<FileAccessLog> {
  const access = await FileAccessLog.open(dataDir, logger)
  for (const [subject, data] of [
    [`mac:${MAC}`],
    [`mac:${OTHER}`],
    [`account:${USER}`],
    ['account:bob@example.org'],
    [`quota:account:${USER}`, { monthly: { used: 1, limit: 2, unit: 'bytes' } }],
    ['quota:account:bob@example.org', { monthly: { used: 1, limit: 2, unit: 'bytes' } }],
    [`roam:${MAC}`, { sessionId: 's-1', account: 'bob@example.org', method: 'account' }],
    [`roam:${OTHER}`, { sessionId: 's-2', account: USER, method: 'account' }],
    ['credential:0123', { account: USER, password: 'hash' }],
    ['credential:4567', { account: 'bob@example.org', password: 'hash' }],
    ['credential:pending:s-3', { account: USER, password: 'hash', code: 'c' }],
    ['credential:captive:10.0.0.9 gw', { sessionId: 's-1', ends: 1, mac: MAC, gwId: 'gw', account: 'bob@example.org' }],
    ['voucher:00', { proof: 'p', validForMs: 1, maxDevices: 1, label: '', createdAt: 1 }],
  ] as [string, AccessData?][])
    await access.put(subject, entry(data))
  await access.claim('bind:s-1', entry({ mac: MAC }))
  await access.claim('bind:s-2', entry({ mac: OTHER }))
  await access.claim('voucher:00:device:1', entry({ device: MAC }))
  // Expired entries are in the file until it is compacted.
  await access.put('bind:s-0', { ...entry({ mac: MAC }), until: Date.now() - 1000 })
  return access
}

for (const [person, theirs] of [
  [
    { kind: 'mac', value: MAC },
    [`mac:${MAC}`, `roam:${MAC}`, 'bind:s-0', 'bind:s-1', 'credential:captive:10.0.0.9 gw', 'voucher:00:device:1'],
  ],
  [
    { kind: 'user', value: USER },
    [`account:${USER}`, `quota:account:${USER}`, `roam:${OTHER}`, 'credential:0123', 'credential:pending:s-3'],
  ],
] as [Person, string[]][]) {
  t.test(`decisions about a ${person.kind}`, async (t) => {
    const dataDir = t.testdir()
    const access = await filled(dataDir)
    t.teardown(() => access.close())
    const places = { store, access, dataDir, keys: ['a secret of the tests'], pseudonyms: null } as const
    const forget = (dryRun: boolean) =>
      forgetPerson({ ...places, storeKind: 'embedded', log: 'journal' }, person, dryRun)
    const subjects = () => [...access.entries('', -Infinity)].map(([subject]) => subject).sort()
    const before = subjects()
    t.match(await forget(true), { dry_run: true, access_control: theirs.length })
    t.same(subjects(), before, 'only counted')
    const forgotten = await forget(false)
    t.match(forgotten, { dry_run: false, access_control: theirs.length, archive: { records: 0 } })
    t.match(forgotten.remains.join('\n'), /journal segments/)
    const kept = theirs.filter((subject) => subject.startsWith('voucher:'))
    t.same(
      subjects(),
      before.filter((subject) => subject !== 'bind:s-0' && (!theirs.includes(subject) || kept.includes(subject))),
      'the person’s rows are deleted, others stay',
    )
    t.notMatch(readFileSync(join(dataDir, 'access-control.log'), 'utf8'), new RegExp(person.value))
    if (kept.length > 0) {
      const slot = access.get('voucher:00:device:1', Date.now())
      t.same(slot?.data, { device: '(erased)' }, 'the voucher is not valid for another device')
    }
    t.match(await forget(true), { access_control: 0 }, 'the second time it finds nothing')
  })
}

t.test('it is reported if the texts of deletions stay', async (t) => {
  const dataDir = t.testdir()
  const access = await FileAccessLog.open(dataDir, logger)
  t.teardown(() => access.close())
  const sent: string[] = []
  const command = (sql: string) => {
    sent.push(sql)
    return sql.startsWith('KILL')
      ? Promise.reject(new GatepostError('STORE_REFUSED', 'a right is missing'))
      : Promise.resolve()
  }
  const places = { store: { ...store, command }, access, dataDir: null, keys: ['k'], pseudonyms: null } as const
  const person = { kind: 'user', value: USER } as const
  const { remains } = await forgetPerson({ ...places, storeKind: 'server', log: 'kafka' }, person, false)
  t.match(
    remains[0],
    /system\.mutations, which keeps the text of the deletions and could not be cleared: a right is missing/,
  )
  t.match(remains.join('\n'), /Kafka's topics[^]*query_log/)
  t.ok(sent.some((sql) => sql.startsWith('KILL MUTATION')))

  sent.length = 0
  const cluster = await forgetPerson({ ...places, storeKind: 'cluster', log: 'kafka' }, person, false)
  t.notOk(
    sent.some((sql) => sql.startsWith('KILL')),
    'a replica that is away may need them',
  )
  t.match(
    cluster.remains.join('\n'),
    /query_log[^]*ClickHouse Keeper, which keeps the text of the last hundred deletions/,
  )
})

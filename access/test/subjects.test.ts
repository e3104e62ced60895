import t from 'tap'
import { MemoryAccess } from '../../test/helpers/memory-access.ts'
import type { AccessData } from '../log.ts'
import { DECIDED, decidedSubjectsOf, entriesNaming, SUBJECTS } from '../subjects.ts'

const MAC = '02-4B-9D-E1-77-3C'
const USER = 'alice@example.org'

/** One subject of each kind in its stored form. Existing logs contain these texts, so they must not change. */
const STORED: Record<keyof typeof SUBJECTS, { readonly subject: string; readonly name: unknown }> = {
  session: { subject: 'session:0011', name: '0011' },
  mac: { subject: `mac:${MAC}`, name: MAC },
  account: { subject: `account:${USER}`, name: USER },
  gateway: { subject: 'gateway:gw:1', name: 'gw:1' },
  binding: { subject: 'bind:0011', name: '0011' },
  sessionAccount: { subject: 'account-of:0011', name: '0011' },
  used: { subject: 'used:0011', name: '0011' },
  confirmed: { subject: 'confirmed:0011', name: '0011' },
  roaming: { subject: `roam:${MAC}`, name: MAC },
  online: { subject: `online:${MAC} gw 1`, name: { mac: MAC, gwId: 'gw 1' } },
  sessionQuota: { subject: 'quota:session:0011', name: '0011' },
  accountQuota: { subject: `quota:account:${USER}`, name: USER },
  spent: { subject: `spent:guests ${MAC}`, name: { quota: 'guests', person: MAC } },
  remembered: { subject: `remembered:${MAC}`, name: MAC },
  credential: { subject: 'credential:aa00', name: 'aa00' },
  pendingCredential: { subject: 'credential:pending:0011', name: '0011' },
  confirmation: { subject: 'credential:confirmation:aa00', name: 'aa00' },
  unconfirmed: { subject: 'credential:unconfirmed:aa00', name: 'aa00' },
  captiveSession: { subject: 'credential:captive:2001:db8::9 gw 1', name: { ip: '2001:db8::9', gwId: 'gw 1' } },
  voucher: { subject: 'voucher:bb00', name: 'bb00' },
  voucherStart: { subject: 'voucher:bb00:start', name: 'bb00' },
  voucherDevice: { subject: 'voucher:bb00:device:12', name: { id: 'bb00', place: 12 } },
  place: { subject: `place:3 ${USER}`, name: { account: USER, place: 3 } },
  registration: { subject: 'registration:gw:1', name: 'gw:1' },
  device: { subject: 'device:AWDEV:1', name: 'AWDEV:1' },
  setting: { subject: 'setting:user_names', name: 'user_names' },
  liveness: { subject: 'alive:cc00', name: 'cc00' },
  channel: { subject: 'channel:001217DA42D2', name: '001217DA42D2' },
}
const KINDS = Object.keys(SUBJECTS) as (keyof typeof SUBJECTS)[]
/** Kinds whose subjects and data are checked in the same way. */
interface Kind {
  of(name: unknown): string
  nameOf(subject: string): unknown
  readonly personIn: Readonly<Record<string, 'user' | 'mac' | null>>
}
const kindOf = (kind: keyof typeof SUBJECTS) => SUBJECTS[kind] as unknown as Kind

t.test('the stored form of subjects does not change, and each belongs to one kind', (t) => {
  for (const kind of KINDS) {
    const { subject, name } = STORED[kind]
    t.equal(kindOf(kind).of(name), subject)
    t.same(
      KINDS.filter((each) => kindOf(each).nameOf(subject) !== null),
      [kind],
    )
    t.same(kindOf(kind).nameOf(subject), name)
  }
  t.end()
})

t.test('a person is found in every kind of subject that names people', async (t) => {
  for (const [person, value] of [
    ['mac', MAC],
    ['user', USER],
  ] as const) {
    const access = new MemoryAccess()
    const expected: string[] = []
    for (const kind of KINDS) {
      const { subject } = STORED[kind]
      const fields = Object.entries(kindOf(kind).personIn)
      const data: AccessData = Object.fromEntries(fields.map(([field, each]) => [field, each === person ? value : 'x']))
      await access.put(subject, { verdict: 'allow', reason: '', until: null, updatedAt: Date.now(), data })
      if (SUBJECTS[kind].person === person || fields.some(([, each]) => each === person)) expected.push(subject)
    }
    t.ok(expected.length >= 4)
    t.same([...entriesNaming(access, person, value).keys()].sort(), expected.sort())
    t.equal(entriesNaming(access, person, 'somebody else').size, 0)
  }
  const decided = new Set(DECIDED.map((kind) => STORED[kind].subject))
  t.ok([...decidedSubjectsOf('mac', MAC), ...decidedSubjectsOf('user', USER)].every((subject) => decided.has(subject)))
})

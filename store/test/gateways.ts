import type { Test } from 'tap'
import type { Store } from '../contract.ts'
import { makeBatch, type Fields } from '../../schemas/test/records.ts'

interface Gateway {
  state: string
  wifidog_uptime: string | null
  interval_seconds: number | null
  clients: number
  restarts: number
}

/** The view `gateways`: the meaning of its columns, and that a replay changes none of them. @param held the table that holds the rows of one */
export function gatewaysContract(t: Test, store: Store, held: (table: string) => string): void {
  /** Computed when it is needed: earlier tests may have taken minutes, and the view depends on the latest minutes. */
  const clock = () => Math.floor(Date.now() / 1000) * 1000

  /** Stores heartbeats of one gateway, [seconds ago, uptime] each, one batch each. */
  const heartbeats = async (gwId: string, beats: readonly (readonly [number, number])[], fields: Fields = {}) => {
    const now = clock()
    const batches = beats.map(([ago, uptime]) =>
      makeBatch('gateway_pings', now - ago * 1000, [{ gw_id: gwId, wifidog_uptime: BigInt(uptime), ...fields }]),
    )
    // One by one: a gather covers one month, and heartbeats of the last days may be in two.
    for (const batch of batches) await store.insertOnce('gateway_pings', [batch])
    return batches
  }
  const gateway = async (gwId: string) => {
    const rows = await store.query<Gateway>(
      `SELECT state, wifidog_uptime, interval_seconds, clients, restarts FROM gatepost.gateways WHERE gw_id = {gwId:String}`,
      { gwId },
    )
    return rows[0]
  }

  t.test('gateways: state follows the observed interval', async (t) => {
    await heartbeats('gw-up', [[121, 1000], [61, 1060], [1, 1120]]) // prettier-ignore
    t.match(await gateway('gw-up'), { state: 'up', interval_seconds: 60, wifidog_uptime: '1120' })
    await heartbeats('gw-late', [[320, 1000], [260, 1060], [200, 1120]]) // prettier-ignore
    t.match(await gateway('gw-late'), { state: 'late', interval_seconds: 60 })
    await heartbeats('gw-down', [[4000, 1000], [3940, 1060], [3880, 1120]]) // prettier-ignore
    t.match(await gateway('gw-down'), { state: 'down', interval_seconds: 60 })
    await heartbeats('gw-slow', [[2500, 1000], [1900, 1600], [1300, 2200], [700, 2800]]) // prettier-ignore
    t.match(await gateway('gw-slow'), { state: 'up', interval_seconds: 600 })
    await heartbeats('gw-new', [[1, 5]])
    t.match(await gateway('gw-new'), { state: 'up', interval_seconds: null, restarts: 0 })
  })

  t.test('gateways: heartbeats of an untrusted source do not keep a gateway up', async (t) => {
    await heartbeats('gw-forged', [[5000, 10]])
    await heartbeats('gw-forged', [[1, 5000]], { trusted: false })
    t.match(await gateway('gw-forged'), { state: 'down', wifidog_uptime: '10' })
  })

  t.test('gateways: a restart is an uptime that fell', async (t) => {
    await heartbeats('gw-steady', [[180, 1000], [119, 1060], [60, 1121], [1, 1179]]) // prettier-ignore
    t.match(await gateway('gw-steady'), { restarts: 0 }, 'the network delays heartbeats by a second or two')
    await heartbeats('gw-crash', [[240, 9000], [180, 9060], [120, 20], [90, 5], [60, 35], [1, 94]]) // prettier-ignore
    t.match(await gateway('gw-crash'), { restarts: 2 })
    await heartbeats('gw-clock', [[180, 5], [120, 1_700_000_000], [60, 1_700_000_060]]) // prettier-ignore
    t.match(await gateway('gw-clock'), { restarts: 0 }, 'a clock that is set makes the uptime jump up')
    const days = 24 * 3600
    await heartbeats('gw-days', [[9 * days, 100], [8 * days, 100 + days], [2 * days, 50], [60, 2 * days - 10]]) // prettier-ignore
    t.match(await gateway('gw-days'), { restarts: 1, interval_seconds: null })
  })

  t.test('gateways: two that call themselves the same are noticed', async (t) => {
    const warningOf = async (gwId: string) => {
      const rows = await store.query<{ warning: string; addresses: string[] }>(
        'SELECT warning, addresses FROM gatepost.gateways WHERE gw_id = {gwId:String}',
        { gwId },
      )
      return rows[0]
    }
    const ago = [300, 240, 180, 120, 60]
    const living = (start: number) => ago.map((each) => [each, start - each] as const)
    await heartbeats('gw-default', living(9000), { remote_ip: '198.51.100.1' })
    t.match(await warningOf('gw-default'), { warning: '', addresses: ['198.51.100.1'] })
    const other = living(400).map(([each, uptime]) => [each - 20, uptime + 20] as const)
    await heartbeats('gw-default', other, { remote_ip: '198.51.100.2' })
    t.match(await warningOf('gw-default'), { warning: 'same_id', addresses: ['198.51.100.1', '198.51.100.2'] })
    // Behind one address, and known by the uptime of the machine.
    for (const [start, late] of [
      [9000, 0],
      [400, 20],
    ])
      // prettier-ignore
      for (const [each, uptime] of living(start))
        await heartbeats('gw-nat', [[each - late, 0]], { wifidog_uptime: null, sys_uptime: BigInt(uptime + late) })
    t.match(await warningOf('gw-nat'), { warning: 'same_id', addresses: ['198.51.100.9'] })

    for (const gwId of ['gw-crash', 'gw-clock', 'gw-steady', 'gw-up', 'gw-bare'])
      t.match((await warningOf(gwId)) ?? { warning: '' }, { warning: '' }, gwId)
    // It is one gateway, of which some heartbeats come late: the network was away.
    await heartbeats('gw-slow-net', [[320, 1000], [260, 1060], [180, 1120], [140, 1180], [80, 1240], [0, 1300]]) // prettier-ignore
    t.match(await warningOf('gw-slow-net'), { warning: '' })
    await heartbeats('gw-reboots', [[320, 5], [280, 45], [230, 5], [170, 65], [110, 5], [50, 65], [1, 5]]) // prettier-ignore
    t.match(await warningOf('gw-reboots'), { warning: '' }, 'restarts move the beginning forward')
  })

  t.test('gateways: a heartbeat is an id and a time', async (t) => {
    const nothing = { sys_uptime: null, sys_memfree: null, sys_load: null, wifidog_uptime: null }
    const now = clock()
    for (const ago of [121, 61, 1]) {
      await store.insertOnce('gateway_pings', [
        makeBatch('gateway_pings', now - ago * 1000, [{ gw_id: 'gw-bare', ...nothing }]),
      ])
    }
    t.match(await gateway('gw-bare'), { state: 'up', interval_seconds: 60, wifidog_uptime: null, restarts: 0 })
    t.match(
      await store.query(`SELECT sys_uptime, sys_memfree, sys_load FROM gatepost.gateways WHERE gw_id = 'gw-bare'`),
      [{ sys_uptime: null, sys_memfree: null, sys_load: null }],
    )
  })

  t.test('gateways: a machine that has gateways is none itself', async (t) => {
    await heartbeats('machine', [[121, 10]], { device_id: 'machine' })
    t.match(await gateway('machine'), { state: 'late' }, 'until it names one')
    await heartbeats('gw-of-machine', [[61, 70], [1, 130]], { device_id: 'machine' }) // prettier-ignore
    t.match(await gateway('gw-of-machine'), { state: 'up' })
    t.equal(await gateway('machine'), undefined)
    await heartbeats('lone-machine', [[1, 10]], { device_id: 'lone-machine' })
    t.match(await gateway('lone-machine'), { state: 'up' })
  })

  t.test('gateways: clients are those whose latest report is allowed and recent', async (t) => {
    await heartbeats('gw-clients', [[121, 1000], [61, 1060], [1, 1120]]) // prettier-ignore
    const now = clock()
    const report = (ago: number, mac: string, fields: Fields = {}) =>
      makeBatch('gateway_auth', now - ago * 1000, [{ gw_id: 'gw-clients', mac, session_id: mac, ...fields }])
    const reports = [
      report(100, 'AA-00-00-00-00-01', { stage: 'login' }),
      report(40, 'AA-00-00-00-00-01'),
      report(30, 'AA-00-00-00-00-02'),
      report(60, 'AA-00-00-00-00-03'),
      report(20, 'AA-00-00-00-00-03', { stage: 'logout', auth_code: 0 }),
      report(20, 'AA-00-00-00-00-04', { auth_code: 0 }),
      report(600, 'AA-00-00-00-00-05'),
      report(10, 'AA-00-00-00-00-06', { own: false }),
    ]
    for (const batch of reports) await store.insertOnce('gateway_auth', [batch])
    t.match(await gateway('gw-clients'), { clients: 2 })
  })

  t.test('gateways: a replay changes nothing', async (t) => {
    const all = () =>
      store.query('SELECT * EXCEPT (state, clients, interval_seconds) FROM gatepost.gateways ORDER BY gw_id')
    const batches = await heartbeats('gw-replay', [[240, 900], [180, 960], [120, 20], [60, 80]]) // prettier-ignore
    const before = await all()
    for (const batch of [...batches, ...batches].reverse()) {
      t.same(await store.insertOnce('gateway_pings', [batch]), { rows: 0, alreadyPresent: 1 })
    }
    t.same(await all(), before)
    await store.command(`OPTIMIZE TABLE gatepost.${held('gateway_latest')} FINAL`)
    await store.command(`OPTIMIZE TABLE gatepost.${held('gateway_runs')} FINAL`)
    t.same(await all(), before, 'nor does a merge')
  })
}

import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { Visitor } from '../../portal/test/site.ts'
import { Instance } from '../helpers/instance.ts'
import { startMailServer } from '../helpers/mail-server.ts'
import { run } from '../helpers/run.ts'
import { until } from '../helpers/until.ts'
import type { Flood } from './flood.ts'
import { GoodClient } from './good-client.ts'
import { assertMemoryReturns, residentMiB } from './memory.ts'
import { metric } from './metric.ts'

/*
 * Everything at once, from many addresses, with a MAC for each form: guesses at an account, at vouchers and at the passwords of SQL and the
 * dashboard, sign-ups, large bodies. Beside it gateways, a RADIUS server, the owner of the account and an analyst go on. No attack gets in,
 * none of them is refused, and they wait no longer than a bound that is measured in the same run.
 */

const ROUNDS = 3
const SECONDS = 6
const MAILS_PER_HOUR = 300
const ACCOUNT = 'owner@example.org'
const PASSWORD = 'right and long'
const SQL_PASSWORD = 'of analysts'
/** An answer may take so long, or so many times as long as without an attack on the same machine. */
const BOUND_MS = 1000
const BOUND_FACTOR = 10

const LOGIN = '/login/?gw_address=192.168.77.1&gw_port=2060&gw_id=hall&mac=00:11:22:33:44:55'

async function signUp(base: string, codeFor: (address: string) => Promise<string>): Promise<void> {
  const visitor = new Visitor(base)
  await visitor.get(`${LOGIN}&page=signup`)
  await visitor.post(`${LOGIN}&page=signup`, { method: 'signup', email: ACCOUNT, password: PASSWORD })
  await visitor.get('/gw_message.php?message=activate')
  const { response } = await visitor.post('/gw_message.php?message=activate', { code: await codeFor(ACCOUNT) })
  if (response.status !== 200) throw new Error(`the account was not confirmed: ${response.status}`)
}

/** Does something again and again, and counts its outcomes. */
class Repeated {
  readonly outcomes = new Map<string, number>()
  #stopped = false
  readonly #done: Promise<void>

  constructor(act: () => Promise<string>, pauseMs: number) {
    this.#done = this.#loop(act, pauseMs)
  }

  async stop(): Promise<ReadonlyMap<string, number>> {
    this.#stopped = true
    await this.#done
    return this.outcomes
  }

  async #loop(act: () => Promise<string>, pauseMs: number): Promise<void> {
    while (!this.#stopped) {
      const outcome = await act().catch((error: unknown) => String(error))
      this.outcomes.set(outcome, (this.outcomes.get(outcome) ?? 0) + 1)
      await sleep(pauseMs)
    }
  }
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)]
}

t.test('floods on every listener, with good clients beside them', async (t) => {
  const mailServer = await startMailServer(t)
  const instance = await Instance.create(t.testdir(), {
    GATEPOST_LOGIN: 'account,voucher',
    GATEPOST_SMTP_URL: mailServer.url,
    GATEPOST_SMTP_FROM: 'wifi@example.org',
    GATEPOST_SMTP_MAILS_PER_HOUR: String(MAILS_PER_HOUR),
    GATEPOST_SQL_PASSWORD: SQL_PASSWORD,
    GATEPOST_DASHBOARD_PASSWORD: 'of operators',
  })
  t.teardown(() => instance.destroy())
  await instance.start()
  const { gatewayPort, ingestPort, sqlPort, dashboardPort } = instance
  const base = instance.url('', gatewayPort)
  const began = Date.now()
  await signUp(base, (address) => mailServer.codeFor(address))
  const children = [...instance.children('ingest-main'), ...instance.children('store-main')]

  const good = new GoodClient(instance, 10).start()
  const owner = new Repeated(async () => {
    const visitor = new Visitor(base)
    await visitor.get(LOGIN)
    return String(
      (await visitor.post(LOGIN, { method: 'account', email: ACCOUNT, password: PASSWORD })).response.status,
    )
  }, 200)
  const analyst = new Repeated(async () => {
    const headers = { 'X-ClickHouse-Key': SQL_PASSWORD }
    const response = await fetch(instance.url('/', sqlPort), { method: 'POST', body: 'SELECT 1', headers })
    return `${response.status} ${await response.text()}`
  }, 200)
  await sleep(SECONDS * 500)
  const quiet = good.p99()

  const flood: Flood = { gatewayPort, ingestPort, sqlPort, dashboardPort, seconds: SECONDS, account: ACCOUNT }
  const script = fileURLToPath(new URL('flood.js', import.meta.url))
  const p99s: number[] = []
  const memory: (number | null)[] = []
  const answers: Record<string, number> = {}
  for (let round = 0; round < ROUNDS; round++) {
    const { status, stdout, stderr } = await run(process.execPath, [script, JSON.stringify(flood)], {
      env: instance.env,
    })
    t.equal(status, 0, stderr)
    p99s.push(good.p99())
    for (const [key, count] of Object.entries(JSON.parse(stdout) as Record<string, number>))
      answers[key] = (answers[key] ?? 0) + count
    const idle = async () => (await metric(instance, 'gatepost_connections', 'listener="gateway"')) < 20
    t.ok(await until(idle), 'the connections are closed')
    memory.push(residentMiB(children))
  }
  await good.stop()
  t.same(good.failures, [])
  t.same([...(await owner.stop()).keys()], ['302'], 'the owner of the account is never refused')
  t.same([...(await analyst.stop()).keys()], ['200 1\n'], 'nor is the analyst')
  t.comment(
    JSON.stringify({
      quiet,
      p99s,
      memory,
      answers,
      owner: [...owner.outcomes],
      analyst: [...analyst.outcomes],
      good: good.kept,
    }),
  )
  t.ok(median(p99s) <= Math.max(BOUND_MS, BOUND_FACTOR * quiet), `p99 ${p99s.join()} ms; without attacks ${quiet} ms`)

  const statuses = (attack: string) =>
    Object.keys(answers).flatMap((key) => (key.startsWith(`${attack} `) ? [Number(key.split(' ')[1])] : []))
  for (const attack of ['guess', 'stranger', 'voucher'])
    t.notOk(statuses(attack).includes(302), `${attack}: none got in`)
  for (const attack of ['guess', 'signup']) t.ok(statuses(attack).includes(429), `${attack}: limited`)
  for (const attack of ['sql', 'bearer']) {
    t.notOk(statuses(attack).includes(200), `${attack}: none got in`)
    t.ok(statuses(attack).includes(429), `${attack}: limited`)
  }
  for (const name of ['gatepost_sql_refused_total', 'gatepost_dashboard_refused_total'])
    t.ok((await metric(instance, name, 'reason="guesses"')) > 0, name)
  const mostMails = MAILS_PER_HOUR / 6 + ((Date.now() - began) / 3_600_000) * MAILS_PER_HOUR + 1
  t.ok(mailServer.mails.length <= mostMails, `${mailServer.mails.length} mails, of ${mostMails}`)
  t.ok((await metric(instance, 'gatepost_portal_limited_total', 'what="signup"', 'limit="mail"')) > 0)

  t.same([...instance.children('ingest-main'), ...instance.children('store-main')], children, 'no process was replaced')
  await assertMemoryReturns(t, children, memory[0])
  const rows = await instance.queryUntil<{ n: number }>(
    `SELECT toUInt32((SELECT count() FROM gateway_pings) + (SELECT count() FROM post_auth)) AS n`,
    ([row]) => row.n >= good.kept,
  )
  t.same(rows, [{ n: good.kept }], 'all that was acknowledged is stored, once')
})

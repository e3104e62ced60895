import t from 'tap'
import { GatepostError } from '../../../common/errors.ts'
import { retentionOf } from '../../../store/retention.ts'
import { loadConfig, type Environment } from '../config.ts'
import { DAYS_BY_TABLE_ALLOWED } from '../retention.ts'

const NAME = 'GATEPOST_RETENTION_DAYS_BY_TABLE'

function problems(env: Environment): string[] {
  try {
    loadConfig(env)
    return []
  } catch (error) {
    if (!(error instanceof GatepostError) || error.code !== 'CONFIG_INVALID') throw error
    return error.message.split('\n')
  }
}

t.test('tables have their own retention, or the general one', (t) => {
  const written = ' post_auth = 400 ,gateway_pings=14,\n dead_letters=90 '
  t.same(
    loadConfig({ [NAME]: written, GATEPOST_RETENTION_DAYS: '40' }).retention,
    retentionOf(40, { post_auth: 400, gateway_pings: 14, dead_letters: 90 }),
  )
  t.same(loadConfig({ [NAME]: '' }).retention, retentionOf(32), 'empty is unset')
  t.end()
})

t.test('a wrong value is reported, with what is allowed', (t) => {
  const wrong = {
    'metrics=3': 'metrics is not a table that expires after a number of days',
    'login_history=400': 'login_history is not a table that expires after a number of days',
    'post_auht=400': 'post_auht is not a table that expires after a number of days, post_auth is',
    'Post_Auth=400': 'Post_Auth is not a table that expires after a number of days, post_auth is',
    'constructor=4': 'constructor is not a table that expires after a number of days',
    'session_origins=60': 'session_origins is kept as long as session_hours, which can be set',
    'post_auth=0': 'post_auth=0 is not a whole number of days, 1 to 3650',
    'post_auth=3651': 'post_auth=3651 is not a whole number of days, 1 to 3650',
    'post_auth=14d': 'post_auth=14d is not a whole number of days, 1 to 3650',
    'post_auth=1.5': 'post_auth=1.5 is not a whole number of days, 1 to 3650',
    'post_auth=14,gateway_auth=20,post_auth=14': 'post_auth is named twice',
    post_auth: "'post_auth' is not table=days",
    'post_auth=': "'post_auth=' is not table=days",
    'post_auth=14,': "'' is not table=days",
    '14': "'14' is not table=days",
  }
  for (const [text, problem] of Object.entries(wrong)) {
    t.match(problems({ [NAME]: text }).at(0), `${NAME}=${text}: ${problem}`)
    t.match(problems({ [NAME]: text }).at(0), `; allowed is ${DAYS_BY_TABLE_ALLOWED}`)
  }
  t.end()
})

t.test('a derived table is not kept for a shorter time than its source', (t) => {
  t.same(problems({ [NAME]: 'login_calendar=400, session_hours=60, gateway_latest=365' }), [])
  t.same(problems({ [NAME]: 'post_auth=400,login_calendar=32,session_hours=31' }), [
    `${NAME}: login_calendar=32: post_auth, from which it comes, is kept for 400 days; allowed is that or more`,
    `${NAME}: session_hours=31: gateway_auth, from which it comes, is kept for 32 days; allowed is that or more`,
  ])
  t.same(
    problems({ [NAME]: 'login_calendar=32', GATEPOST_RETENTION_DAYS: 'x' }).length,
    1,
    'one mistake is reported once',
  )
  t.end()
})

t.test('with a history under pseudonyms nobody is named for longer', (t) => {
  const history = {
    GATEPOST_RETENTION_DAYS: '400',
    GATEPOST_PSEUDONYMISE_AFTER_DAYS: '35',
    GATEPOST_PSEUDONYM_SECRET: 'sixteen letters.',
  }
  const config = loadConfig({ ...history, [NAME]: 'gateway_pings=500,gateway_auth=7,post_auth=20,login_calendar=35' })
  t.same(
    config.retention,
    retentionOf(35, { gateway_pings: 500, gateway_auth: 7, post_auth: 20, login_calendar: 35 }),
    'tables of gateways name nobody and may be kept for any time',
  )
  t.equal(config.history?.keptDays, 400)
  for (const table of [
    'post_auth',
    'gateway_auth',
    'portal_sessions',
    'dead_letters',
    'login_calendar',
    'session_hours',
  ]) {
    t.same(problems({ ...history, [NAME]: `${table}=36` }), [
      `${NAME}: ${table}=36: it names people, and GATEPOST_PSEUDONYMISE_AFTER_DAYS=35; allowed is that or less`,
    ])
  }
  const takes =
    'GATEPOST_PSEUDONYMISE_AFTER_DAYS=35 takes the history of logins from login_calendar; allowed is 2 or more for it'
  t.same(problems({ ...history, [NAME]: 'post_auth=1' }), [`${NAME}: post_auth=1: ${takes}`])
  t.same(problems({ ...history, [NAME]: 'post_auth=1,login_calendar=2' }), [])
  t.end()
})

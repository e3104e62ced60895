import type { Store } from '../../../store/contract.ts'

/*
 * A believable fleet, generated in the engine: 24 sites, 18 gateways of which some are late or down, a month of logins with a daily
 * rhythm, sessions, dead letters and publications. Everything is a function of `numbers`, except now().
 */

const NAMES = ['Town hall', 'Library', 'Harbour', 'Museum', 'Market square', 'Station', 'Town pool', 'Hospital']

/** Most users log in at one site. */
const SITE = `concat('192.0.2.', toString(if(cityHash64(number, 9) % 5 > 0, least(cityHash64(cityHash64(number, 1) % 4000) % 24, cityHash64(cityHash64(number, 1) % 4000, 1) % 24), cityHash64(number, 3) % 24)))`

/** Fills the tables. @param days of logins */
export async function fillBelievably(store: Store, days = 30): Promise<void> {
  const statements = [
    `INSERT INTO gatepost.ip_locations (ip, location_id, name)
     SELECT concat('192.0.2.', toString(number)), number,
       concat([${NAMES.map((name) => `'${name}'`).join(', ')}][number % 8 + 1], if(number < 8, '', concat(' ', toString(intDiv(number, 8) + 1))))
     FROM numbers(23)`,
    `INSERT INTO gatepost.post_auth (received_at, username, mac, ap, site_ip, success, authentication_result, authentication_reply,
       task_id, eap_type, batch_id, batch_index)
     SELECT now64(3, 'UTC') - toIntervalSecond(toUInt32(86400 * ${days} * pow((cityHash64(number) % 100000) / 100000, 1.3))) AS at,
       concat('u', leftPad(toString(cityHash64(number, 1) % 4000), 5, '0')),
       ${mac('if(cityHash64(number, 9) % 5 = 0, 9000, 0) + cityHash64(number, 1) % 4000')}, ${mac('cityHash64(number, 2) % 60 + 90000')},
       ${SITE},
       cityHash64(number, 5) % 100 < 91, if(cityHash64(number, 5) % 100 < 91, 'Access-Accept', 'Access-Reject'),
       if(cityHash64(number, 5) % 100 < 91, '', ['User not found', 'Wrong password', 'Certificate has expired', 'Account is locked'][least(cityHash64(number, 6) % 4, cityHash64(number, 7) % 4) + 1]),
       'radius-1', 'MSCHAP', generateUUIDv4(), 0
     FROM numbers(150000)
     WHERE abs(toHour(at) - 13) < 3 + cityHash64(number, 8) % 11 OR at > now() - INTERVAL 1 HOUR
     SETTINGS max_partitions_per_insert_block = 100`,
    `INSERT INTO gatepost.post_auth (received_at, username, mac, site_ip, success, authentication_result, authentication_reply, batch_id)
     SELECT now64(3, 'UTC') - toIntervalSecond(toUInt32(number * 11 + cityHash64(number) % 40)),
       concat('u', leftPad(toString(cityHash64(number, 1) % 4000), 5, '0')), ${mac('if(cityHash64(number, 9) % 5 = 0, 9000, 0) + cityHash64(number, 1) % 4000')},
       ${SITE},
       cityHash64(number, 5) % 100 < 92, if(cityHash64(number, 5) % 100 < 92, 'Access-Accept', 'Access-Reject'),
       if(cityHash64(number, 5) % 100 < 92, '', 'Wrong password'), generateUUIDv4()
     FROM numbers(330)`,
    `INSERT INTO gatepost.accounts (username, contact, sponsor, created_at, last_login)
     SELECT concat('u', leftPad(toString(number), 5, '0')), concat('u', toString(number), '@example.org'),
       concat('u', toString(number), '@example.org'), now() - toIntervalMinute(200 + cityHash64(number) % 86400), if(number % 5 = 0, NULL, now64(3, 'UTC') - toIntervalMinute(number))
     FROM numbers(4000)`,
    `INSERT INTO gatepost.gateway_names (gw_id, name)
     SELECT ${gateway('number')}, [${NAMES.map((name) => `'${name}'`).join(', ')}][number % 8 + 1] FROM numbers(8)`,
    `INSERT INTO gatepost.gateway_pings (received_at, gw_id, sys_uptime, sys_memfree, sys_load, wifidog_uptime, remote_ip, user_agent, trusted, batch_id)
     SELECT now64(3, 'UTC') - toIntervalSecond(beat * 60 + 5) AS at, ${gateway('gateway')} AS id, 8640000 - beat * 60, 2000 + cityHash64(beat, gateway) % 9000,
       0.05 + (cityHash64(gateway) % 10) / 10, 864000 - beat * 60, concat('198.51.100.', toString(gateway)), 'WiFiDog 1.3.0', 1, generateUUIDv4()
     FROM (SELECT number % 18 AS gateway, intDiv(number, 18) AS beat FROM numbers(18 * 1500))
     WHERE NOT (gateway = 3 AND beat < 190) AND NOT (gateway = 7 AND beat < 3) AND NOT (gateway = 11 AND beat BETWEEN 400 AND 640)`,
    `INSERT INTO gatepost.gateway_auth (received_at, stage, gw_id, ip, mac, session_id, incoming, outgoing, auth_code, own, remote_ip, user_agent, batch_id)
     SELECT now64(3, 'UTC') - toIntervalSecond((29 - step) * 60 + 7 + if(client % 4 = 3, 5400, 0)), multiIf(step = 0, 'login', step = 29 AND client % 4 = 3, 'logout', 'counters'),
       ${gateway('client % 12')}, concat('10.0.0.', toString(client)), ${mac('client')}, ${session('client')},
       step * 200000 * (client % 7 + 1), step * 30000, 1, 1, concat('198.51.100.', toString(client % 12)), 'WiFiDog 1.3.0', generateUUIDv4()
     FROM (SELECT number % 60 AS client, intDiv(number, 60) AS step FROM numbers(60 * 30))`,
    `INSERT INTO gatepost.portal_sessions (received_at, issued, session_id, gw_id, mac, ip, account, method, use_by, ends, batch_id)
     SELECT at, at, ${session('number')}, ${gateway('number % 12')}, ${mac('number')}, concat('10.0.0.', toString(number)),
       concat('u', leftPad(toString(number), 5, '0')), 'account', at + INTERVAL 10 MINUTE, at + INTERVAL 1 DAY, generateUUIDv4()
     FROM (SELECT number, now64(3, 'UTC') - toIntervalSecond(29 * 60 + 20 + if(number % 4 = 3, 5400, 0)) AS at FROM numbers(60))`,
    `INSERT INTO gatepost.session_hours (gw_id, session_id, hour, mac, ip, first_seen, last_seen, last_ok, last_login_ok, logout_at, incoming, outgoing, reports)
     SELECT gw_id, session_id, toStartOfHour(max(received_at)), any(mac), any(ip), min(received_at), max(received_at), max(received_at), min(received_at),
       maxIf(received_at, stage = 'logout'), max(incoming), max(outgoing), count()
     FROM gatepost.gateway_auth GROUP BY gw_id, session_id`,
    `INSERT INTO gatepost.dead_letters (received_at, source, reason, error, payload, batch_id, batch_index)
     SELECT now64(3, 'UTC') - toIntervalMinute(number * 17), if(number % 3 = 0, 'post-auth', 'ping'),
       ['body_not_json', 'number_invalid', 'number_invalid'][number % 3 + 1],
       if(number % 3 = 0, 'the body is not JSON', 'sys_load is no number'),
       if(number % 3 = 0, '', concat('gw_id=gw-', toString(number), '&sys_uptime=1&sys_memfree=2&sys_load=high&wifidog_uptime=4')),
       generateUUIDv4(), 0
     FROM numbers(40)`,
    `INSERT INTO gatepost.publications (publisher, metric_name, period, date, hour, status, target, digest, answer, attempts, published_at)
     SELECT ['s3', 'file', 'metrics-api'][number % 3 + 1], ['active-users', 'unique-users', 'account-usage'][intDiv(number, 3) % 3 + 1], 'day',
       today() - intDiv(number, 9), 0, if(number = 4, 'failed', 'sent'), 'bucket/active_users', '', if(number = 4, '503 Slow Down', '200'),
       if(number = 4, 5, 1), now64(3, 'UTC') - toIntervalHour(number)
     FROM numbers(18)`,
  ]
  for (const statement of statements) await store.command(statement)
}

/** A heartbeat of each gateway that is up, so that it is still up however long a test takes. */
export async function beat(store: Store): Promise<void> {
  await store.command(
    `INSERT INTO gatepost.gateway_pings (received_at, gw_id, sys_uptime, sys_memfree, sys_load, wifidog_uptime, remote_ip, user_agent, trusted, batch_id)
     SELECT now64(3, 'UTC'), ${gateway('number')}, 8640000, 2000, 0.05, 864000, concat('198.51.100.', toString(number)), 'WiFiDog 1.3.0', 1, generateUUIDv4()
     FROM numbers(18) WHERE number NOT IN (3, 7)`,
  )
}

function gateway(number: string): string {
  return `concat('001217DA', leftPad(upper(hex(toUInt16(${number} + 16896))), 4, '0'))`
}

function session(number: string): string {
  return `lower(leftPad(hex(cityHash64(${number})), 16, '0'))`
}

function mac(number: string): string {
  return `concat('50-A6-7F-', arrayStringConcat(extractAll(leftPad(hex(toUInt32(${number})), 6, '0'), '..'), '-'))`
}

/*
 * The bytes of a session, hour by hour: docs/sessions.md, "Bytes". Each hour begins where the one before it ended, so that the hours of a
 * session come to the same as all its reports in one go.
 *
 * State of a direction: (bytes added, last accepted value, whether a login came after it, the client's connection time at it).
 */

const STATE = 'Tuple(total UInt64, value UInt64, logged_in UInt8, online Int64)'
const FROM_NOTHING = `(0, 0, 0, -1)::${STATE}`

/** A report is (stage: 1 login, 2 counters, 3 logout; value or null; connection time or -1; whether counters have 32 bits). */
function fold(reports: string, before: string): string {
  const loggedIn = '(report.1 = 1 OR state.3 = 1)'
  // Zero on login and logout means "not reported".
  const reported = 'isNotNull(report.2) AND NOT (report.1 != 2 AND report.2 = 0)'
  const value = 'assumeNotNull(report.2)'
  const accept = (added: string) => `tuple(state.1 + (${added}), ${value}, 0, report.3)::${STATE}`
  const begunAnew = `${loggedIn} OR (report.3 >= 0 AND state.4 >= 0 AND report.3 < state.4)`
  const wrapped = `report.4 = 1 AND report.1 = 2 AND state.2 < 4294967296 AND state.2 - ${value} > 2147483648`
  return `arrayFold((state, report) -> multiIf(
      NOT (${reported}), tuple(state.1, state.2, toUInt8(${loggedIn}), state.4)::${STATE},
      ${value} >= state.2, ${accept(`${value} - state.2`)},
      ${begunAnew}, ${accept(value)},
      ${wrapped}, ${accept(`${value} + 4294967296 - state.2`)},
      tuple(state.1, state.2, toUInt8(${loggedIn}), state.4)::${STATE}),
    ${reports}, tuple(0, (${before}).2, (${before}).3, (${before}).4)::${STATE})`
}

/** Touches that a run looks at. Only gateways before WiFiDog 1.3 do not say which one they are: then the portal knew it. */
const TOUCHED = `
  touched AS
  (
    SELECT session_id, max(gw_id) AS gw_id
    FROM gatepost.session_touches
    WHERE bucket >= toStartOfFiveMinutes({from:DateTime64(3, 'UTC')}) AND bucket <= {to:DateTime64(3, 'UTC')}
      AND touched_at >= {from:DateTime64(3, 'UTC')} AND touched_at < {to:DateTime64(3, 'UTC')}
      AND hour = {touchedHour:DateTime('UTC')} AND cityHash64(session_id) % {parts:UInt32} = {part:UInt32}
    GROUP BY session_id
  ),
  origins AS
  (
    SELECT session_id, max(gw_id) AS gw_id
    FROM gatepost.session_gateways
    WHERE session_id IN (SELECT session_id FROM touched WHERE gw_id = '')
    GROUP BY session_id
  ),
  keys AS
  (
    SELECT if(touched.gw_id != '', touched.gw_id, origins.gw_id) AS gw_id, touched.session_id AS session_id
    FROM touched LEFT JOIN origins ON origins.session_id = touched.session_id
  )`

/**
 * The newest rows, of this hour, of the sessions in `keys`. Not FINAL: with it the engine reads the whole table, and a report costs the more the
 * more sessions there are.
 */
function newestRows(columns: string): string {
  return `(
      SELECT ${columns} FROM gatepost.session_hours
      WHERE hour = {hour:DateTime('UTC')} AND (gw_id, session_id) IN (SELECT gw_id, session_id FROM keys)
      ORDER BY computed_at DESC LIMIT 1 BY gw_id, session_id
    )`
}

/**
 * Most sessions had a report a few hours ago: they are looked for there, and only the others, which are new or were away, in
 * everything that there has been.
 */
const LATELY = 'toIntervalHour(3)'

/** What the latest of these hours of the sessions in `of` ended with. */
function carried(hours: string, of: string): string {
  return `SELECT gw_id, session_id, argMax(accepted_in, (hour, computed_at)) AS carried_in,
      argMax(accepted_out, (hour, computed_at)) AS carried_out
    FROM gatepost.session_hours
    WHERE ${hours} AND (gw_id, session_id) IN (SELECT gw_id, session_id FROM ${of})
    GROUP BY gw_id, session_id`
}

/**
 * Hours after {touchedHour} that these sessions have rows of: they begin where an hour ended that is computed again. Those that were
 * touched themselves are left out: their turn comes later in the same run, and with it that of the hours after them.
 */
export const LATER_HOURS = `
WITH ${TOUCHED}
SELECT DISTINCT toString(rows.hour) AS later FROM gatepost.session_hours AS rows
WHERE rows.hour > {touchedHour:DateTime('UTC')} AND (rows.gw_id, rows.session_id) IN (SELECT gw_id, session_id FROM keys)
  AND (rows.session_id, rows.hour) NOT IN
  (
    SELECT session_id, hour FROM gatepost.session_touches
    WHERE bucket >= toStartOfFiveMinutes({from:DateTime64(3, 'UTC')}) AND bucket <= {to:DateTime64(3, 'UTC')}
      AND touched_at >= {from:DateTime64(3, 'UTC')} AND touched_at < {to:DateTime64(3, 'UTC')}
      AND hour > {touchedHour:DateTime('UTC')}
  )
ORDER BY later`

/** Computes {hour} of the sessions that were touched in {touchedHour}. */
export const COMPUTE_HOUR = `
INSERT INTO gatepost.session_hours (gw_id, session_id, hour, mac, ip, first_seen, last_seen, last_ok, last_login_ok, denied_at, logout_at,
  last_answer, incoming, outgoing, reports, accepted_in, accepted_out)
WITH ${TOUCHED},
  lately AS
  (
    ${carried(`hour < {hour:DateTime('UTC')} AND hour >= {hour:DateTime('UTC')} - ${LATELY}`, 'keys')}
  ),
  others AS
  (
    SELECT gw_id, session_id FROM keys WHERE (gw_id, session_id) NOT IN (SELECT gw_id, session_id FROM lately)
  ),
  carried AS
  (
    SELECT * FROM lately
    UNION ALL
    ${carried(`hour < {hour:DateTime('UTC')} - ${LATELY}`, 'others')}
  ),
  reports AS
  (
    SELECT if(raw.gw_id != '', raw.gw_id, keys.gw_id) AS gw_id, raw.session_id AS session_id, received_at, batch_id, batch_index,
      mac, ip, auth_code, indexOf(['login', 'counters', 'logout'], if(stage = 'roam', 'login', toString(stage))) AS step, incoming, outgoing,
      ifNull(toInt64OrNull(if(mapContains(extra, 'online_time'), extra['online_time'], extra['uptime'])), -1) AS online,
      (mapContains(extra, 'uptime') AND NOT mapContains(extra, 'online_time'))::UInt8 AS narrow
    FROM gatepost.gateway_auth AS raw LEFT JOIN keys ON keys.session_id = raw.session_id
    WHERE toStartOfHour(raw.received_at) = {hour:DateTime('UTC')} AND raw.own = 1
      AND raw.session_id IN (SELECT session_id FROM touched)
  ),
  sorted AS
  (
    SELECT gw_id, session_id,
      argMax(mac, (received_at, batch_id, batch_index)) AS latest_mac, argMax(ip, (received_at, batch_id, batch_index)) AS latest_ip,
      min(received_at) AS first, max(received_at) AS last,
      maxIf(received_at, step < 3 AND auth_code IN (1, 5)) AS ok, maxIf(received_at, step = 1 AND auth_code IN (1, 5)) AS login,
      maxIf(received_at, step < 3 AND auth_code IN (0, 6)) AS denied, maxIf(received_at, step = 3) AS logout,
      maxIf(tuple(received_at, batch_id, batch_index, auth_code), step < 3) AS answer, countIf(step = 2) AS counters,
      arraySort(report -> (report.1, report.2, ifNull(report.3, 0), ifNull(report.4, 0), report.5),
        groupArray(tuple(received_at, step, incoming, outgoing, online, narrow))) AS list
    FROM reports GROUP BY gw_id, session_id
  )
SELECT sorted.gw_id, sorted.session_id, {hour:DateTime('UTC')}, latest_mac, latest_ip, first, last, ok, login, denied, logout, answer,
  added_in.1, added_out.1, counters, added_in, added_out
FROM
(
  SELECT sorted.*,
    ${fold('arrayMap(report -> (report.2, report.3, report.5, report.6), list)', `if(carried.session_id = '', ${FROM_NOTHING}, carried_in)`)} AS added_in,
    ${fold('arrayMap(report -> (report.2, report.4, report.5, report.6), list)', `if(carried.session_id = '', ${FROM_NOTHING}, carried_out)`)} AS added_out
  FROM sorted LEFT JOIN carried ON carried.gw_id = sorted.gw_id AND carried.session_id = sorted.session_id
) AS sorted`

/** Each client's sessions, from what was computed last. */
export const KEEP_LOGINS = `
INSERT INTO gatepost.session_logins (mac, gw_id, session_id, last_login_ok)
WITH ${TOUCHED}
SELECT mac, gw_id, session_id, max(last_login_ok)
FROM ${newestRows('gw_id, session_id, mac, last_login_ok')}
WHERE mac != '' AND last_login_ok > toDateTime64(0, 3, 'UTC')
GROUP BY mac, gw_id, session_id`

/** What each of these clients' sessions knows of the others. */
export const KEEP_RIVALS = `
INSERT INTO gatepost.session_rivals (gw_id, session_id, rival_login)
WITH ${TOUCHED},
  clients AS
  (
    SELECT DISTINCT mac FROM ${newestRows('mac, last_login_ok')}
    WHERE mac != '' AND last_login_ok > toDateTime64(0, 3, 'UTC')
  )
SELECT own.2 AS gw_id, own.3 AS session_id, rival FROM
(
  SELECT arrayReverseSort(groupArray(tuple(login, gw_id, session_id))) AS logins,
    arrayJoin(logins) AS own,
    if((own.2, own.3) = (logins[1].2, logins[1].3), logins[2].1, logins[1].1) AS rival
  FROM
  (
    SELECT mac, gw_id, session_id, max(last_login_ok) AS login FROM gatepost.session_logins
    WHERE mac IN (SELECT mac FROM clients) GROUP BY mac, gw_id, session_id
  )
  GROUP BY mac
)
WHERE rival > toDateTime64(0, 3, 'UTC')`

/**
 * Why sessions were denied in {hour}: what was decided about them by then, the narrowest first. What the sessions' own ends say (logged_out,
 * expired) is in their state. A reason that was found once is kept, also when the decision is taken back later.
 */
export const KEEP_REASONS = `
INSERT INTO gatepost.session_reasons (gw_id, session_id, cut)
WITH ${TOUCHED},
  ended AS
  (
    SELECT gw_id, session_id, mac, denied_at FROM ${newestRows('gw_id, session_id, mac, denied_at, last_ok')}
    WHERE denied_at > last_ok
  ),
  accounts AS
  (
    SELECT gw_id, session_id, max(origin).6 AS account FROM gatepost.session_origins
    WHERE (gw_id, session_id) IN (SELECT gw_id, session_id FROM ended) GROUP BY gw_id, session_id
  ),
  denied AS
  (
    SELECT ended.gw_id AS gw_id, ended.session_id AS session_id, ended.denied_at AS at,
      arrayJoin(arrayZip([1, 2, 3, 4]::Array(UInt8), [concat('session:', ended.session_id), concat('mac:', ended.mac),
        concat('account:', accounts.account), concat('gateway:', ended.gw_id)])) AS subject
    FROM ended LEFT JOIN accounts ON accounts.gw_id = ended.gw_id AND accounts.session_id = ended.session_id
  )
SELECT gw_id, session_id, max(tuple(at, reason)) FROM
(
  SELECT denied.gw_id AS gw_id, denied.session_id AS session_id, denied.at AS at, argMin(decided.reason, denied.subject.1) AS given,
    if(startsWith(given, 'quota:'), given, if(given IN ('logged_out', 'expired'), '', 'revoked')) AS reason
  FROM denied INNER JOIN
  (
    SELECT subject, reason, until, updated_at FROM gatepost.access_decisions FINAL
    WHERE verdict = 'deny' AND subject IN (SELECT subject.2 FROM denied)
  ) AS decided ON decided.subject = denied.subject.2
  WHERE decided.updated_at <= denied.at + toIntervalSecond(1) AND (decided.until IS NULL OR decided.until > denied.at)
  GROUP BY gw_id, session_id, at
)
WHERE reason != ''
GROUP BY gw_id, session_id`

/**
 * Interval, latest restart and latest counters of every gateway; of those that sent none lately what was known. `since`: the earliest hour
 * of sessions that was computed since the last time, so that records of long ago that come now count too.
 */
export const KEEP_GATEWAYS = `
INSERT INTO gatepost.session_gateway_facts (gw_id, interval_seconds, restarted_at, counters_at)
SELECT gw_id, if(max(seconds) > 0, max(seconds), max(known_seconds)), max(restarted), max(counted) FROM
(
  SELECT gw_id, interval_seconds AS known_seconds, 0::UInt32 AS seconds, restarted_at AS restarted, counters_at AS counted
  FROM gatepost.session_gateway_facts FINAL
  UNION ALL
  SELECT gw_id, 0::UInt32, 0::UInt32, toDateTime64(0, 3, 'UTC'), max(hour)::DateTime64(3, 'UTC') FROM gatepost.session_hours
  WHERE hour >= {since:DateTime64(3, 'UTC')} AND reports > 0 GROUP BY gw_id
  UNION ALL
  SELECT gw_id, 0::UInt32, if(length(gaps) < 2, 0, greatest(1, round(arrayReduce('quantileExact', gaps) / 1000)))::UInt32,
    toDateTime64(0, 3, 'UTC'), toDateTime64(0, 3, 'UTC')
  FROM
  (
    SELECT gw_id, arraySort(groupUniqArray(received_at)) AS beats,
      arrayMap((later, earlier) -> dateDiff('millisecond', earlier, later), arrayPopFront(beats), arrayPopBack(beats)) AS gaps
    FROM gatepost.gateway_pings WHERE trusted = 1 AND received_at >= now64(3, 'UTC') - INTERVAL 2 HOUR GROUP BY gw_id
  )
  UNION ALL
  SELECT gw_id, 0::UInt32, 0::UInt32, toDateTime64(arrayMax(falls), 3, 'UTC'), toDateTime64(0, 3, 'UTC') FROM
  (
    SELECT gw_id, minMap(first_seen) AS firsts, maxMap(last_seen) AS lasts,
      arraySort(arrayMap(start -> (firsts[start], lasts[start], start), mapKeys(firsts))) AS lives,
      arrayMap(
        (next, previous) -> if(next.1 > previous.2 AND next.1 - next.3 < previous.2 - previous.3, next.1, 0),
        arrayPopFront(lives), arrayPopBack(lives)) AS falls
    FROM gatepost.gateway_runs GROUP BY gw_id
  )
  WHERE notEmpty(falls)
)
GROUP BY gw_id`

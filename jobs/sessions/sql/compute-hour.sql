-- Computes {hour} of the sessions that were touched in {touchedHour}: docs/sessions.md, "Bytes". Each hour begins where the one before it
-- ended, so that the hours of a session come to the same as all its reports in one go.
SELECT sorted.gw_id, sorted.session_id, {hour:DateTime('UTC')}, latest_mac, latest_ip, first, last, ok, login, denied, logout, answer,
  added_in.1, added_out.1, counters, added_in, added_out
FROM
(
  WITH
    -- Most sessions had a report a few hours ago: they are looked for there, and only the others, which are new or were away, in
    -- everything that there has been. carried: what the latest hour before this one ended with.
    lately AS
    (
      SELECT gw_id, session_id, argMax(accepted_in, (hour, computed_at)) AS carried_in,
        argMax(accepted_out, (hour, computed_at)) AS carried_out
      FROM gatepost.session_hours
      WHERE hour < {hour:DateTime('UTC')} AND hour >= {hour:DateTime('UTC')} - toIntervalHour(3) AND (gw_id, session_id) IN (SELECT gw_id, session_id FROM keys)
      GROUP BY gw_id, session_id
    ),
    others AS
    (
      SELECT gw_id, session_id FROM keys WHERE (gw_id, session_id) NOT IN (SELECT gw_id, session_id FROM lately)
    ),
    carried AS
    (
      SELECT * FROM lately
      UNION ALL
      SELECT gw_id, session_id, argMax(accepted_in, (hour, computed_at)) AS carried_in,
        argMax(accepted_out, (hour, computed_at)) AS carried_out
      FROM gatepost.session_hours
      WHERE hour < {hour:DateTime('UTC')} - toIntervalHour(3) AND (gw_id, session_id) IN (SELECT gw_id, session_id FROM others)
      GROUP BY gw_id, session_id
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
    ),
    -- What reports do to a direction's state. A state is (bytes added, last accepted value, whether a login came after it, the client's
    -- connection time at it); a report is (stage: 1 login, 2 counters, 3 logout; value or null; connection time or -1; whether
    -- counters have 32 bits).
    (state, report) -> report.1 = 1 OR state.3 = 1 AS is_after_login,
    (state, report, added) -> tuple(state.1 + added, assumeNotNull(report.2), 0, report.3)::Tuple(total UInt64, value UInt64, logged_in UInt8, online Int64) AS accepted,
    (state, report) -> tuple(state.1, state.2, toUInt8(is_after_login(state, report)), state.4)::Tuple(total UInt64, value UInt64, logged_in UInt8, online Int64) AS unchanged,
    (state, report) -> multiIf(
        -- Zero on login and logout means "not reported".
        isNull(report.2) OR (report.1 != 2 AND report.2 = 0), unchanged(state, report),
        report.2 >= state.2, accepted(state, report, assumeNotNull(report.2) - state.2),
        -- Counted anew: after a login, or when the client's connection is younger than it was.
        is_after_login(state, report) OR (report.3 >= 0 AND state.4 >= 0 AND report.3 < state.4),
        accepted(state, report, assumeNotNull(report.2)),
        -- A counter of 32 bits that went over its end.
        report.4 = 1 AND report.1 = 2 AND state.2 < 4294967296 AND state.2 - assumeNotNull(report.2) > 2147483648,
        accepted(state, report, assumeNotNull(report.2) + 4294967296 - state.2),
        unchanged(state, report)) AS after,
    (reports, before) ->
      arrayFold((state, report) -> after(state, report), reports, tuple(0, before.2, before.3, before.4)::Tuple(total UInt64, value UInt64, logged_in UInt8, online Int64)) AS folded,
    (0, 0, 0, -1)::Tuple(total UInt64, value UInt64, logged_in UInt8, online Int64) AS nothing
  SELECT sorted.*,
    folded(arrayMap(report -> (report.2, report.3, report.5, report.6), list),
      if(carried.session_id = '', nothing, carried_in)) AS added_in,
    folded(arrayMap(report -> (report.2, report.4, report.5, report.6), list),
      if(carried.session_id = '', nothing, carried_out)) AS added_out
  FROM sorted LEFT JOIN carried ON carried.gw_id = sorted.gw_id AND carried.session_id = sorted.session_id
) AS sorted

-- Computes {hour} of the sessions that were touched in {touchedHour}: docs/sessions.md, "Bytes". Each hour begins where the one before it
-- ended, so that the hours of a session come to the same as all its reports in one go.
SELECT sorted.gw_id, sorted.session_id, {hour:DateTime('UTC')}, latest_mac, latest_ip, first, last, ok, login, denied, logout, answer,
  added_in.1 + added_in6.1, added_out.1 + added_out6.1, counters,
  (added_in.1, added_in.2, added_in.3, added_in.4), (added_out.1, added_out.2, added_out.3, added_out.4),
  (added_in6.1, added_in6.2, added_in6.3, added_in6.4), (added_out6.1, added_out6.2, added_out6.3, added_out6.4),
  [(added_in.5, added_in.6), (added_out.5, added_out.6), (added_in6.5, added_in6.6), (added_out6.5, added_out6.6)],
  first_logout, arraySort(arrayFilter(refusal -> refusal.1 > ok, refusals))[1], login_denial, logins, facts.interval_seconds
FROM
(
  WITH
    -- Most sessions had a report a few hours ago: they are looked for there, and only the others, which are new or were away, in
    -- everything that there has been. carried: what the latest hour before this one ended with.
    lately AS
    (
      SELECT gw_id, session_id, argMax((accepted_in, accepted_out, accepted_in6, accepted_out6, lower), (hour, computed_at)) AS carried
      FROM gatepost.session_hours
      WHERE hour < {hour:DateTime('UTC')} AND hour >= {hour:DateTime('UTC')} - toIntervalHour(3) AND (gw_id, session_id) IN (SELECT gw_id, session_id FROM keys)
      GROUP BY gw_id, session_id
    ),
    others AS
    (
      SELECT gw_id, session_id FROM keys WHERE (gw_id, session_id) NOT IN (SELECT gw_id, session_id FROM lately)
    ),
    earlier AS
    (
      SELECT * FROM lately
      UNION ALL
      SELECT gw_id, session_id, argMax((accepted_in, accepted_out, accepted_in6, accepted_out6, lower), (hour, computed_at)) AS carried
      FROM gatepost.session_hours
      WHERE hour < {hour:DateTime('UTC')} - toIntervalHour(3) AND (gw_id, session_id) IN (SELECT gw_id, session_id FROM others)
      GROUP BY gw_id, session_id
    ),
    reports AS
    (
      SELECT if(raw.gw_id != '', raw.gw_id, keys.gw_id) AS gw_id, raw.session_id AS session_id, received_at, batch_id, batch_index,
        mac, ip, auth_code, indexOf(['login', 'counters', 'logout'], if(stage = 'roam', 'login', toString(stage))) AS step, incoming, outgoing,
        -- apfree's names of the directions are exchanged in both families (docs/gateways.md).
        toUInt64OrNull(extra['outgoing_bytes_v6']) AS incoming6, toUInt64OrNull(extra['incoming_bytes_v6']) AS outgoing6,
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
        minIf(received_at, step = 3) AS first_logout,
        groupArrayIf(tuple(received_at, auth_code), step = 2 AND auth_code IN (0, 6)) AS refusals,
        minIf(tuple(received_at, auth_code), step = 1 AND auth_code IN (0, 6)) AS login_denial,
        arraySort(groupUniqArrayIf(received_at, step = 1 AND auth_code IN (1, 5))) AS logins,
        arraySort(report -> (report.1, report.2, ifNull(report.3, 0), ifNull(report.4, 0), ifNull(report.5, 0), ifNull(report.6, 0), report.7),
          groupArray(tuple(received_at, step, incoming, outgoing, incoming6, outgoing6, online, narrow))) AS list
      FROM reports GROUP BY gw_id, session_id
    ),
    -- What reports do to the state of a counter. A state is (bytes added, last accepted value, whether a login came after it, the client's
    -- connection time at it; how many reports running were lower than it and rose, the latest of them); a report is (stage: 1 login,
    -- 2 counters, 3 logout; value or null; connection time or -1; whether counters have 32 bits).
    (total, value, logged_in, online, rising, risen) -> tuple(total, value, logged_in, online, rising, risen)::Tuple(total UInt64, value UInt64, logged_in UInt8, online Int64, rising UInt8, risen UInt64) AS state_of,
    (state, report) -> report.1 = 1 OR state.3 = 1 AS is_after_login,
    (state, report) -> report.3 >= 0 AND state.4 >= 0 AS has_times,
    (state, report, added) -> state_of(state.1 + added, assumeNotNull(report.2), 0, report.3, 0, 0) AS accepted,
    (state, report) -> state_of(state.1, state.2, is_after_login(state, report), state.4, state.5, state.6) AS unchanged,
    (state, report, rising) -> if(rising >= 3, accepted(state, report, assumeNotNull(report.2)),
      state_of(state.1, state.2, state.3, state.4, rising, assumeNotNull(report.2))) AS lower_than_before,
    (state, report) -> multiIf(
        -- Zero on login and logout means "not reported".
        isNull(report.2) OR (report.1 != 2 AND report.2 = 0), unchanged(state, report),
        report.2 >= state.2, accepted(state, report, assumeNotNull(report.2) - state.2),
        -- Counted anew: after a login, or when the client's connection is younger than it was.
        is_after_login(state, report) OR (has_times(state, report) AND report.3 < state.4),
        accepted(state, report, assumeNotNull(report.2)),
        -- A counter of 32 bits that went over its end.
        report.4 = 1 AND report.1 = 2 AND state.2 < 4294967296 AND state.2 - assumeNotNull(report.2) > 2147483648,
        accepted(state, report, assumeNotNull(report.2) + 4294967296 - state.2),
        -- Counted anew while the connection goes on: the firewall was loaded again.
        has_times(state, report) AND report.3 > state.4, accepted(state, report, assumeNotNull(report.2)),
        -- The same, told without a time by three reports that rise from below. The third of them holds what the first two do.
        has_times(state, report) OR (state.5 > 0 AND report.2 = state.6), unchanged(state, report),
        lower_than_before(state, report, if(state.5 > 0 AND report.2 > state.6, state.5 + 1, 1))) AS after,
    (reports, before, below) ->
      arrayFold((state, report) -> after(state, report), reports, state_of(0, before.2, before.3, before.4, below.1, below.2)) AS folded,
    (0, 0, 0, -1)::Tuple(total UInt64, value UInt64, logged_in UInt8, online Int64) AS nothing
  SELECT sorted.*, earlier.session_id = '' AS is_new,
    -- All four at once: the engine writes out what a function does wherever it is used, and analysing that takes longer than most computations.
    arrayMap((reports, before, below) -> folded(reports, before, below),
      [
        arrayMap(report -> (report.2, report.3, report.7, report.8), list),
        arrayMap(report -> (report.2, report.4, report.7, report.8), list),
        -- Only logins matter to a counter that a gateway does not send.
        arrayMap(report -> (report.2, report.5, report.7, report.8), arrayFilter(report -> report.2 = 1 OR isNotNull(report.5), list)),
        arrayMap(report -> (report.2, report.6, report.7, report.8), arrayFilter(report -> report.2 = 1 OR isNotNull(report.6), list))
      ],
      if(is_new, [nothing, nothing, nothing, nothing], [carried.1, carried.2, carried.3, carried.4]),
      [carried.5[1], carried.5[2], carried.5[3], carried.5[4]]) AS added,
    added[1] AS added_in, added[2] AS added_out, added[3] AS added_in6, added[4] AS added_out6
  FROM sorted LEFT JOIN earlier ON earlier.gw_id = sorted.gw_id AND earlier.session_id = sorted.session_id
) AS sorted
LEFT JOIN (SELECT gw_id, interval_seconds FROM gatepost.session_gateway_facts FINAL) AS facts ON facts.gw_id = sorted.gw_id

-- Sessions of RADIUS accounting. What a packet says of its session is a maximum, a minimum, or an entry of a map whose key is the session's
-- own time: a packet that is inserted or sent again changes nothing, and their order does not matter.

CREATE TABLE IF NOT EXISTS gatepost.radius_session_days
(
    nas String COMMENT 'The NAS: radius_accounting.nas',
    unique_id String COMMENT 'The session',
    day Date COMMENT 'UTC day of event_at, whose packets this row tells of',
    username SimpleAggregateFunction(max, String) COMMENT 'Who it is',
    mac SimpleAggregateFunction(max, String) COMMENT 'The client''s MAC',
    place SimpleAggregateFunction(max, Tuple(event_at DateTime64(3, 'UTC'), ap String, ssid String, ip String, ipv6 String)) COMMENT 'Where it was, and its addresses, in the latest packet',
    first_at SimpleAggregateFunction(min, DateTime64(3, 'UTC')) COMMENT 'Earliest packet',
    last_at SimpleAggregateFunction(max, DateTime64(3, 'UTC')) COMMENT 'Latest packet',
    began_at SimpleAggregateFunction(min, DateTime64(3, 'UTC')) COMMENT 'When it began: the time of a packet less its session time',
    stop SimpleAggregateFunction(max, Tuple(event_at DateTime64(3, 'UTC'), session_time UInt64, cause String)) COMMENT 'When it stopped, after how many seconds, and why; 1970: not',
    incoming SimpleAggregateFunction(maxMap, Map(UInt64, UInt64)) COMMENT 'Session time, seconds -> bytes to the client until then',
    outgoing SimpleAggregateFunction(maxMap, Map(UInt64, UInt64)) COMMENT 'Session time, seconds -> bytes from the client until then',
    times SimpleAggregateFunction(minMap, Map(UInt64, Int64)) COMMENT 'Session time, seconds -> when that was, seconds since the epoch'
)
ENGINE = AggregatingMergeTree
ORDER BY (nas, unique_id, day)
TTL toDateTime(day) + toIntervalDay(32)
SETTINGS index_granularity = 1024, fsync_after_insert = 1, fsync_part_directory = 1, min_rows_to_fsync_after_merge = 1,
    min_compressed_bytes_to_fsync_after_merge = 1, old_parts_lifetime = 480
COMMENT 'What the accounting packets of a session and a day come to, not yet merged: read the view radius_sessions'

-- statement
CREATE MATERIALIZED VIEW IF NOT EXISTS gatepost.radius_session_days_view TO gatepost.radius_session_days
(
    nas String COMMENT 'The NAS',
    unique_id String COMMENT 'The session',
    day Date COMMENT 'UTC day of event_at',
    username String COMMENT 'Who it is',
    mac String COMMENT 'The client''s MAC',
    place Tuple(event_at DateTime64(3, 'UTC'), ap String, ssid String, ip String, ipv6 String) COMMENT 'Where it was, and its addresses, in the latest packet of an insert',
    first_at DateTime64(3, 'UTC') COMMENT 'Earliest packet of an insert',
    last_at DateTime64(3, 'UTC') COMMENT 'Latest packet of an insert',
    began_at DateTime64(3, 'UTC') COMMENT 'When it began',
    stop Tuple(event_at DateTime64(3, 'UTC'), session_time UInt64, cause String) COMMENT 'When it stopped, after how many seconds, and why; 1970: not',
    incoming Map(UInt64, UInt64) COMMENT 'Session time, seconds -> bytes to the client until then',
    outgoing Map(UInt64, UInt64) COMMENT 'Session time, seconds -> bytes from the client until then',
    times Map(UInt64, Int64) COMMENT 'Session time, seconds -> when that was, seconds since the epoch'
)
AS SELECT
    toString(radius_accounting.nas) AS nas,
    radius_accounting.unique_id AS unique_id,
    toDate(radius_accounting.event_at) AS day,
    max(radius_accounting.username) AS username,
    max(radius_accounting.mac) AS mac,
    max(tuple(radius_accounting.event_at, toString(radius_accounting.ap), toString(radius_accounting.ssid), radius_accounting.framed_ip, radius_accounting.framed_ipv6)) AS place,
    min(radius_accounting.event_at) AS first_at,
    max(radius_accounting.event_at) AS last_at,
    -- A session time of more than a year is none.
    min(radius_accounting.event_at - toIntervalSecond(if(ifNull(radius_accounting.session_time, 0) > 31622400, 0, ifNull(radius_accounting.session_time, 0)))) AS began_at,
    max(if(radius_accounting.status_type = 'Stop', tuple(radius_accounting.event_at, ifNull(radius_accounting.session_time, 0), toString(radius_accounting.terminate_cause)),
        tuple(toDateTime64(0, 3, 'UTC'), 0::UInt64, ''))) AS stop,
    maxMap(if(isNull(radius_accounting.output_octets) OR radius_accounting.status_type = 'Start', map()::Map(UInt64, UInt64),
        map(ifNull(radius_accounting.session_time, 0), assumeNotNull(radius_accounting.output_octets))::Map(UInt64, UInt64))) AS incoming,
    maxMap(if(isNull(radius_accounting.input_octets) OR radius_accounting.status_type = 'Start', map()::Map(UInt64, UInt64),
        map(ifNull(radius_accounting.session_time, 0), assumeNotNull(radius_accounting.input_octets))::Map(UInt64, UInt64))) AS outgoing,
    minMap(if((isNull(radius_accounting.output_octets) AND isNull(radius_accounting.input_octets)) OR radius_accounting.status_type = 'Start', map()::Map(UInt64, Int64),
        map(ifNull(radius_accounting.session_time, 0), toUnixTimestamp(radius_accounting.event_at)::Int64)::Map(UInt64, Int64))) AS times
FROM gatepost.radius_accounting
WHERE radius_accounting.unique_id != ''
GROUP BY nas, unique_id, day

-- statement
ALTER TABLE gatepost.radius_session_days_view MODIFY COMMENT 'Feeds radius_session_days from radius_accounting'

-- statement
CREATE TABLE IF NOT EXISTS gatepost.radius_nas_restarts
(
    nas String COMMENT 'The NAS',
    at DateTime64(3, 'UTC') COMMENT 'When it said that its accounting is on, or off'
)
ENGINE = ReplacingMergeTree
ORDER BY (nas, at)
TTL toDateTime(at) + toIntervalDay(32)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, min_rows_to_fsync_after_merge = 1,
    min_compressed_bytes_to_fsync_after_merge = 1, old_parts_lifetime = 480
COMMENT 'Accounting-On and Accounting-Off: the sessions of the NAS from before are over'

-- statement
CREATE MATERIALIZED VIEW IF NOT EXISTS gatepost.radius_nas_restarts_view TO gatepost.radius_nas_restarts
(
    nas String COMMENT 'The NAS',
    at DateTime64(3, 'UTC') COMMENT 'When it said that its accounting is on, or off'
)
AS SELECT DISTINCT toString(radius_accounting.nas) AS nas, radius_accounting.event_at AS at
FROM gatepost.radius_accounting
WHERE radius_accounting.status_type IN ('Accounting-On', 'Accounting-Off')

-- statement
ALTER TABLE gatepost.radius_nas_restarts_view MODIFY COMMENT 'Feeds radius_nas_restarts from radius_accounting'

-- statement
CREATE TABLE IF NOT EXISTS gatepost.radius_nas_facts
(
    nas String COMMENT 'The NAS',
    interval_seconds UInt32 COMMENT 'Interval of the interim updates of its sessions: the median of the last two hours that had some',
    computed_at DateTime64(3, 'UTC') DEFAULT now64(3, 'UTC') COMMENT 'When the row was computed; of one NAS the newest counts'
)
ENGINE = ReplacingMergeTree(computed_at)
ORDER BY nas
COMMENT 'What the state of a RADIUS session depends on of its NAS. Read with FINAL'

-- statement
-- What was there before the views. Again: it changes nothing.
INSERT INTO gatepost.radius_nas_restarts (nas, at)
SELECT DISTINCT toString(radius_accounting.nas), radius_accounting.event_at FROM gatepost.radius_accounting
WHERE radius_accounting.status_type IN ('Accounting-On', 'Accounting-Off')

-- statement
CREATE VIEW IF NOT EXISTS gatepost.radius_sessions
(
    session_id String COMMENT 'The session: Acct-Unique-Session-Id',
    state String COMMENT 'active, stopped, nas_restarted, superseded or timed_out: docs/sessions.md',
    account String COMMENT 'The user name, as radius_accounting has it',
    mac String COMMENT 'The client''s MAC',
    ip String COMMENT 'The client''s address, IPv4 if it has one',
    gw_id String COMMENT 'The NAS: radius_accounting.nas',
    ap String COMMENT 'The access point''s MAC, in its latest packet',
    ssid String COMMENT 'Name of the network, in its latest packet',
    first_seen DateTime64(3, 'UTC') COMMENT 'First packet of the session',
    last_seen DateTime64(3, 'UTC') COMMENT 'Latest packet',
    ended Nullable(DateTime64(3, 'UTC')) COMMENT 'When it ended; null while active',
    end_reason Nullable(String) COMMENT 'Why it ended: the cause of the Stop, such as User-Request, else the state; null while it has not',
    incoming UInt64 COMMENT 'Bytes to the client',
    outgoing UInt64 COMMENT 'Bytes from the client',
    reports UInt64 COMMENT 'Packets with counters, repeated ones once'
)
AS SELECT
    s.unique_id AS session_id,
    if(end_event.3 = '', 'active', end_event.3) AS state,
    s.user AS account,
    s.client AS mac,
    if(s.latest.4 != '', s.latest.4, s.latest.5) AS ip,
    s.nas AS gw_id,
    s.latest.2 AS ap,
    s.latest.3 AS ssid,
    s.first AS first_seen,
    s.last AS last_seen,
    if(end_event.3 = '', NULL, end_event.1) AS ended,
    multiIf(end_event.3 = '', NULL, end_event.3 = 'stopped' AND s.stopped.3 != '', s.stopped.3, end_event.3) AS end_reason,
    arraySum(arrayMap((now, before) -> if(now >= before, (now - before)::UInt64, now), to_client, arraySlice(arrayPushFront(to_client, 0::UInt64), 1, length(to_client)))) AS incoming,
    arraySum(arrayMap((now, before) -> if(now >= before, (now - before)::UInt64, now), from_client, arraySlice(arrayPushFront(from_client, 0::UInt64), 1, length(from_client)))) AS outgoing,
    length(s.seconds)::UInt64 AS reports,
    -- The Stop is the last word: what comes with a later session time is not counted.
    arrayFilter((bytes, time) -> s.stopped.2 = 0 OR time <= s.stopped.2, mapValues(s.bytes_in), mapKeys(s.bytes_in)) AS to_client,
    arrayFilter((bytes, time) -> s.stopped.2 = 0 OR time <= s.stopped.2, mapValues(s.bytes_out), mapKeys(s.bytes_out)) AS from_client,
    toDateTime64(0, 3, 'UTC') AS epoch,
    s.last + toIntervalSecond(facts.interval_seconds
        * (SELECT ifNull(maxOrNull(value), 3) FROM gatepost.session_settings FINAL WHERE name = 'timeout_intervals')) AS deadline,
    -- The earliest of what may have ended it. Of two at the same time the first in this list.
    arraySort(arrayFilter(each -> each.1 > epoch, [
        (s.stopped.1, 1, 'stopped'),
        (arrayFirst(at -> at > s.last, restarts.at), 2, 'nas_restarted'),
        (arrayFirst(next -> next > (s.last, s.unique_id), rivals.began).1, 3, 'superseded'),
        (if(facts.interval_seconds > 0 AND now64(3, 'UTC') > deadline, deadline, epoch), 4, 'timed_out')
    ]::Array(Tuple(DateTime64(3, 'UTC'), UInt8, String))))[1] AS end_event
FROM
(
    SELECT
        nas,
        unique_id,
        max(days.username) AS user,
        max(days.mac) AS client,
        max(days.place) AS latest,
        min(days.first_at) AS first,
        max(days.last_at) AS last,
        max(days.stop) AS stopped,
        maxMap(days.incoming) AS bytes_in,
        maxMap(days.outgoing) AS bytes_out,
        minMap(days.times) AS seconds
    FROM gatepost.radius_session_days AS days
    GROUP BY nas, unique_id
) AS s
LEFT JOIN
(
    SELECT nas, arraySort(groupUniqArray(rows.at)) AS at FROM gatepost.radius_nas_restarts AS rows GROUP BY nas
) AS restarts ON restarts.nas = s.nas
LEFT JOIN
(
    -- Devices with several sessions: when each began.
    SELECT mac, arraySort(groupArray(tuple(start, unique_id))) AS began FROM
    (
        SELECT nas, unique_id, max(days.mac) AS mac, min(days.began_at) AS start
        FROM gatepost.radius_session_days AS days
        GROUP BY nas, unique_id
        HAVING mac != ''
    )
    GROUP BY mac
    HAVING length(began) > 1
) AS rivals ON rivals.mac = s.client
LEFT JOIN (SELECT * FROM gatepost.radius_nas_facts FINAL) AS facts ON facts.nas = s.nas
COMMENT 'Sessions of RADIUS accounting while raw rows are kept, and their state now; the view sessions has them too'

-- statement
-- As the view sessions was before.
CREATE OR REPLACE VIEW gatepost.gateway_sessions
(
    session_id String COMMENT 'The session: of a token that the portal issued 16 hexadecimal digits; in open mode a keyed hash of the foreign token',
    state String COMMENT 'issued, active, validating, logged_out, denied, expired, superseded, gateway_restarted, session_limit or timed_out: docs/sessions.md',
    account String COMMENT 'Who logged in; empty: nobody in particular, or not known',
    mac String COMMENT 'The client''s MAC',
    ip String COMMENT 'The client''s address',
    gw_id String COMMENT 'The gateway',
    method String COMMENT 'How the portal let the client in; empty: another system did',
    issued Nullable(DateTime64(3, 'UTC')) COMMENT 'When the token was issued; null: by another system',
    first_seen Nullable(DateTime64(3, 'UTC')) COMMENT 'First report of the session; null: none yet',
    last_seen Nullable(DateTime64(3, 'UTC')) COMMENT 'Latest report',
    ended Nullable(DateTime64(3, 'UTC')) COMMENT 'When it ended; null while issued, validating or active',
    end_reason Nullable(String) COMMENT 'Why it ended: the state, or quota:<policy>, revoked or not_confirmed; null while it has not',
    incoming UInt64 COMMENT 'Bytes to the client',
    outgoing UInt64 COMMENT 'Bytes from the client',
    reports UInt64 COMMENT 'Counters reports'
)
AS SELECT
    s.session_id AS session_id,
    multiIf(
        end_event.3 != '', end_event.3,
        s.ok = epoch, 'issued',
        s.answer.auth_code = 5, 'validating',
        'active') AS state,
    s.origin.account AS account,
    if(s.client.2 != '', s.client.2, s.origin.mac) AS mac,
    if(s.client.3 != '', s.client.3, s.origin.ip) AS ip,
    s.gw_id AS gw_id,
    s.origin.method AS method,
    nullIf(s.origin.issued, epoch) AS issued,
    nullIf(s.first, far) AS first_seen,
    nullIf(s.last, epoch) AS last_seen,
    nullIf(end_event.1, epoch) AS ended,
    multiIf(
        end_event.3 = '', NULL,
        end_event.3 = 'denied' AND s.origin.ends > epoch AND denial.1 >= s.origin.ends, 'session_limit',
        end_event.3 = 'denied' AND cut.2 != '', cut.2,
        end_event.3 = 'denied' AND denial.2 = 6, 'not_confirmed',
        end_event.3) AS end_reason,
    s.bytes_in AS incoming,
    s.bytes_out AS outgoing,
    s.counters AS reports,
    toDateTime64(0, 3, 'UTC') AS epoch,
    toDateTime64('2299-12-31 00:00:00', 3, 'UTC') AS far,
    -- A login that was denied ends only a session that never was accepted; the token of any other session may be shown again.
    arraySort(arrayFilter(each -> each.1 > s.ok, if(s.ok = epoch, arrayConcat(s.denials, s.login_denials), s.denials)))[1] AS denial,
    arraySort(arrayFilter(each -> each.1 >= denial.1, s.cuts))[1] AS cut,
    s.ok + toIntervalSecond(multiIf(s.pace.2 > 0, s.pace.2, gateway.interval_seconds > 0, gateway.interval_seconds, 60)
        * (SELECT ifNull(maxOrNull(value), 3) FROM gatepost.session_settings FINAL WHERE name = 'timeout_intervals')) AS deadline,
    -- The earliest of what may have ended it. Of two at the same time the first in this list. Silence ends nothing of which the gateway told
    -- an end later.
    arraySort(arrayFilter(each -> each.1 > epoch, [
        (s.logout, 1, 'logged_out'),
        (denial.1, 2, 'denied'),
        (if(s.ok = epoch AND now64(3, 'UTC') > s.origin.use_by, s.origin.use_by, epoch), 3, 'expired'),
        (if(s.login > epoch, arrayFirst(at -> at > s.ok, s.rivals), epoch), 4, 'superseded'),
        (if(s.ok > epoch, arrayFirst(at -> at > s.ok, gateway.restarts), epoch), 5, 'gateway_restarted'),
        (if(now64(3, 'UTC') > s.origin.ends, s.origin.ends, epoch), 6, 'session_limit'),
        (if(s.ok > epoch AND s.logout = epoch AND denial.1 = epoch AND gateway.counters_at > epoch AND now64(3, 'UTC') > deadline, deadline, epoch), 7, 'timed_out')
    ]::Array(Tuple(DateTime64(3, 'UTC'), UInt8, String))))[1] AS end_event
FROM
(
    SELECT
        gw_id,
        session_id,
        max(origin) AS origin,
        max(client) AS client,
        min(first_seen) AS first,
        max(last_seen) AS last,
        max(last_ok) AS ok,
        max(last_login_ok) AS login,
        minIf(first_logout, toUnixTimestamp64Milli(first_logout) > 0) AS logout,
        max(last_answer) AS answer,
        max(tuple(last_ok, interval_seconds)) AS pace,
        groupArrayIf(denial, toUnixTimestamp64Milli(denial.1) > 0) AS denials,
        groupArrayIf(login_denial, toUnixTimestamp64Milli(login_denial.1) > 0) AS login_denials,
        max(rival_logins) AS rivals,
        groupArrayIf(cut, cut.2 != '') AS cuts,
        sum(incoming) AS bytes_in,
        sum(outgoing) AS bytes_out,
        sum(reports)::UInt64 AS counters
    FROM
    (
        SELECT
            gw_id, session_id,
            tuple(toDateTime64(0, 3, 'UTC'), toUUID('00000000-0000-0000-0000-000000000000'), 0::Int32, '', '', '', '', toDateTime64(0, 3, 'UTC'), toDateTime64(0, 3, 'UTC'))::Tuple(issued DateTime64(3, 'UTC'), batch_id UUID, batch_index Int32, mac String, ip String, account String, method String, use_by DateTime64(3, 'UTC'), ends DateTime64(3, 'UTC')) AS origin,
            tuple(last_seen, mac, ip)::Tuple(DateTime64(3, 'UTC'), String, String) AS client,
            first_seen, last_seen, last_ok, last_login_ok, first_logout, last_answer, interval_seconds, denial, login_denial,
            []::Array(DateTime64(3, 'UTC')) AS rival_logins, tuple(toDateTime64(0, 3, 'UTC'), '')::Tuple(denied_at DateTime64(3, 'UTC'), reason String) AS cut,
            incoming, outgoing, reports
        FROM gatepost.session_hours FINAL
        UNION ALL
        SELECT
            gw_id, session_id, origin,
            tuple(toDateTime64(0, 3, 'UTC'), '', '')::Tuple(DateTime64(3, 'UTC'), String, String),
            toDateTime64('2299-12-31 00:00:00', 3, 'UTC'), toDateTime64(0, 3, 'UTC'), toDateTime64(0, 3, 'UTC'), toDateTime64(0, 3, 'UTC'), toDateTime64(0, 3, 'UTC'),
            tuple(toDateTime64(0, 3, 'UTC'), toUUID('00000000-0000-0000-0000-000000000000'), 0::Int32, 0::Int16)::Tuple(received_at DateTime64(3, 'UTC'), batch_id UUID, batch_index Int32, auth_code Int16),
            0::UInt32, tuple(toDateTime64(0, 3, 'UTC'), 0::Int16)::Tuple(at DateTime64(3, 'UTC'), auth_code Int16), tuple(toDateTime64(0, 3, 'UTC'), 0::Int16)::Tuple(at DateTime64(3, 'UTC'), auth_code Int16),
            []::Array(DateTime64(3, 'UTC')), tuple(toDateTime64(0, 3, 'UTC'), '')::Tuple(denied_at DateTime64(3, 'UTC'), reason String),
            0::UInt64, 0::UInt64, 0::UInt32
        FROM gatepost.session_origins
        UNION ALL
        SELECT
            gw_id, session_id,
            tuple(toDateTime64(0, 3, 'UTC'), toUUID('00000000-0000-0000-0000-000000000000'), 0::Int32, '', '', '', '', toDateTime64(0, 3, 'UTC'), toDateTime64(0, 3, 'UTC'))::Tuple(issued DateTime64(3, 'UTC'), batch_id UUID, batch_index Int32, mac String, ip String, account String, method String, use_by DateTime64(3, 'UTC'), ends DateTime64(3, 'UTC')),
            tuple(toDateTime64(0, 3, 'UTC'), '', '')::Tuple(DateTime64(3, 'UTC'), String, String),
            toDateTime64('2299-12-31 00:00:00', 3, 'UTC'), toDateTime64(0, 3, 'UTC'), toDateTime64(0, 3, 'UTC'), toDateTime64(0, 3, 'UTC'), toDateTime64(0, 3, 'UTC'),
            tuple(toDateTime64(0, 3, 'UTC'), toUUID('00000000-0000-0000-0000-000000000000'), 0::Int32, 0::Int16)::Tuple(received_at DateTime64(3, 'UTC'), batch_id UUID, batch_index Int32, auth_code Int16),
            0::UInt32, tuple(toDateTime64(0, 3, 'UTC'), 0::Int16)::Tuple(at DateTime64(3, 'UTC'), auth_code Int16), tuple(toDateTime64(0, 3, 'UTC'), 0::Int16)::Tuple(at DateTime64(3, 'UTC'), auth_code Int16),
            rival_logins, tuple(toDateTime64(0, 3, 'UTC'), '')::Tuple(denied_at DateTime64(3, 'UTC'), reason String), 0::UInt64, 0::UInt64, 0::UInt32
        FROM gatepost.session_next_logins FINAL
        UNION ALL
        SELECT
            gw_id, session_id,
            tuple(toDateTime64(0, 3, 'UTC'), toUUID('00000000-0000-0000-0000-000000000000'), 0::Int32, '', '', '', '', toDateTime64(0, 3, 'UTC'), toDateTime64(0, 3, 'UTC'))::Tuple(issued DateTime64(3, 'UTC'), batch_id UUID, batch_index Int32, mac String, ip String, account String, method String, use_by DateTime64(3, 'UTC'), ends DateTime64(3, 'UTC')),
            tuple(toDateTime64(0, 3, 'UTC'), '', '')::Tuple(DateTime64(3, 'UTC'), String, String),
            toDateTime64('2299-12-31 00:00:00', 3, 'UTC'), toDateTime64(0, 3, 'UTC'), toDateTime64(0, 3, 'UTC'), toDateTime64(0, 3, 'UTC'), toDateTime64(0, 3, 'UTC'),
            tuple(toDateTime64(0, 3, 'UTC'), toUUID('00000000-0000-0000-0000-000000000000'), 0::Int32, 0::Int16)::Tuple(received_at DateTime64(3, 'UTC'), batch_id UUID, batch_index Int32, auth_code Int16),
            0::UInt32, tuple(toDateTime64(0, 3, 'UTC'), 0::Int16)::Tuple(at DateTime64(3, 'UTC'), auth_code Int16), tuple(toDateTime64(0, 3, 'UTC'), 0::Int16)::Tuple(at DateTime64(3, 'UTC'), auth_code Int16),
            []::Array(DateTime64(3, 'UTC')), tuple(denied_at, reason)::Tuple(denied_at DateTime64(3, 'UTC'), reason String), 0::UInt64, 0::UInt64, 0::UInt32
        FROM gatepost.session_denials FINAL
    )
    GROUP BY gw_id, session_id
) AS s
LEFT JOIN (SELECT * FROM gatepost.session_gateway_facts FINAL) AS gateway ON gateway.gw_id = s.gw_id
COMMENT 'Sessions of WiFiDog gateways while raw rows are kept, and their state now; the view sessions has them too'

-- statement
CREATE OR REPLACE VIEW gatepost.sessions
(
    session_id String COMMENT 'The session: of a token that the portal issued 16 hexadecimal digits; in open mode a keyed hash of the foreign token; of RADIUS its Acct-Unique-Session-Id',
    state String COMMENT 'issued, active, validating, logged_out, denied, expired, superseded, gateway_restarted, session_limit or timed_out; of RADIUS active, stopped, nas_restarted, superseded or timed_out: docs/sessions.md',
    account String COMMENT 'Who logged in; empty: nobody in particular, or not known',
    mac String COMMENT 'The client''s MAC',
    ip String COMMENT 'The client''s address',
    gw_id String COMMENT 'The gateway, or the NAS',
    method String COMMENT 'How the portal let the client in; empty: another system did',
    issued Nullable(DateTime64(3, 'UTC')) COMMENT 'When the token was issued; null: by another system, or none was',
    first_seen Nullable(DateTime64(3, 'UTC')) COMMENT 'First report of the session; null: none yet',
    last_seen Nullable(DateTime64(3, 'UTC')) COMMENT 'Latest report',
    ended Nullable(DateTime64(3, 'UTC')) COMMENT 'When it ended; null while issued, validating or active',
    end_reason Nullable(String) COMMENT 'Why it ended: the state, the cause of a Stop, or quota:<policy>, revoked or not_confirmed; null while it has not',
    incoming UInt64 COMMENT 'Bytes to the client',
    outgoing UInt64 COMMENT 'Bytes from the client',
    reports UInt64 COMMENT 'Reports with counters',
    source String COMMENT 'Who reports it: wifidog, or radius'
)
AS SELECT session_id, state, account, mac, ip, gw_id, method, issued, first_seen, last_seen, ended, end_reason, incoming, outgoing, reports, 'wifidog' AS source
FROM gatepost.gateway_sessions
UNION ALL
SELECT session_id, state, account, mac, ip, gw_id, '' AS method, CAST(NULL, 'Nullable(DateTime64(3, \'UTC\'))') AS issued, toNullable(first_seen) AS first_seen, toNullable(last_seen) AS last_seen, ended, end_reason, incoming, outgoing, reports, 'radius' AS source
FROM gatepost.radius_sessions
COMMENT 'Every session while raw rows are kept, and its state now'

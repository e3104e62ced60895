-- Sessions: a token's life at one gateway. What is kept is a pure function of the raw rows: maxima, or rows that are computed from
-- all raw rows of a session and an hour and replaced, so that a replay or a late batch gives the same answer.
--
--   gateway_auth     -> session_touches   which (session, hour) has to be computed again
--   portal_sessions  -> session_origins   what the portal knew
--   gateway_auth     -> session_hours     computed by the aggregator: facts and bytes of each hour
--   session_hours    -> session_rivals    other sessions of the same client
--   session_hours    -> session_reasons   why a session was denied, as far as somebody had decided it

CREATE TABLE IF NOT EXISTS gatepost.session_touches
(
    bucket DateTime('UTC') COMMENT 'touched_at, to five minutes',
    hour DateTime('UTC') COMMENT 'Hour of the raw rows, by received_at',
    session_id String COMMENT 'The session',
    gw_id String COMMENT 'Its gateway, as the rows have it',
    touched_at DateTime64(3, 'UTC') COMMENT 'When the latest of them came into the table'
)
ENGINE = ReplacingMergeTree(touched_at)
ORDER BY (bucket, hour, session_id, gw_id)
TTL bucket + toIntervalHour(72)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, min_rows_to_fsync_after_merge = 1,
    min_compressed_bytes_to_fsync_after_merge = 1, old_parts_lifetime = 480
COMMENT 'Sessions and hours of which raw rows came lately'

-- statement
CREATE MATERIALIZED VIEW IF NOT EXISTS gatepost.session_touches_view TO gatepost.session_touches
(
    bucket DateTime('UTC') COMMENT 'touched_at, to five minutes',
    hour DateTime('UTC') COMMENT 'Hour of the raw rows, by received_at',
    session_id String COMMENT 'The session',
    gw_id String COMMENT 'Its gateway, as the rows have it',
    touched_at DateTime64(3, 'UTC') COMMENT 'Now'
)
AS SELECT
    toStartOfFiveMinutes(now('UTC')) AS bucket,
    toDateTime(toStartOfHour(received_at), 'UTC') AS hour,
    session_id,
    gw_id,
    now64(3, 'UTC') AS touched_at
FROM gatepost.gateway_auth
WHERE own = 1 AND session_id != ''
GROUP BY hour, session_id, gw_id

-- statement
ALTER TABLE gatepost.session_touches_view MODIFY COMMENT 'Feeds session_touches from gateway_auth'

-- statement
CREATE TABLE IF NOT EXISTS gatepost.session_origins
(
    gw_id String COMMENT 'The gateway that the token is for',
    session_id String COMMENT 'The session',
    origin SimpleAggregateFunction(max, Tuple(issued DateTime64(3, 'UTC'), batch_id UUID, batch_index Int32, mac String, ip String, account String, method String, use_by DateTime64(3, 'UTC'), ends DateTime64(3, 'UTC'))) COMMENT 'What the portal knew when it issued the token'
)
ENGINE = AggregatingMergeTree
ORDER BY (gw_id, session_id)
TTL toDateTime(origin.1) + toIntervalDay(32)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, min_rows_to_fsync_after_merge = 1,
    min_compressed_bytes_to_fsync_after_merge = 1, old_parts_lifetime = 480
COMMENT 'Sessions that the portal began, not yet merged: read the view sessions'

-- statement
CREATE MATERIALIZED VIEW IF NOT EXISTS gatepost.session_origins_view TO gatepost.session_origins
(
    gw_id String COMMENT 'The gateway that the token is for',
    session_id String COMMENT 'The session',
    origin Tuple(issued DateTime64(3, 'UTC'), batch_id UUID, batch_index Int32, mac String, ip String, account String, method String, use_by DateTime64(3, 'UTC'), ends DateTime64(3, 'UTC')) COMMENT 'What the portal knew when it issued the token'
)
AS SELECT
    gw_id,
    session_id,
    max(tuple(issued, batch_id, batch_index, mac, ip, account, toString(method), use_by, ends)) AS origin
FROM gatepost.portal_sessions
GROUP BY gw_id, session_id

-- statement
ALTER TABLE gatepost.session_origins_view MODIFY COMMENT 'Feeds session_origins from portal_sessions'

-- statement
-- Gateways before WiFiDog 1.3 send no gw_id: the portal knew it.
CREATE TABLE IF NOT EXISTS gatepost.session_gateways
(
    session_id String COMMENT 'The session',
    gw_id SimpleAggregateFunction(max, String) COMMENT 'The gateway that its token is for',
    issued SimpleAggregateFunction(max, DateTime64(3, 'UTC')) COMMENT 'When the token was issued'
)
ENGINE = AggregatingMergeTree
ORDER BY session_id
TTL toDateTime(issued) + toIntervalDay(32)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, min_rows_to_fsync_after_merge = 1,
    min_compressed_bytes_to_fsync_after_merge = 1, old_parts_lifetime = 480
COMMENT 'Which gateway the token of a session is for, not yet merged'

-- statement
CREATE MATERIALIZED VIEW IF NOT EXISTS gatepost.session_gateways_view TO gatepost.session_gateways
(
    session_id String COMMENT 'The session',
    gw_id String COMMENT 'The gateway that its token is for',
    issued DateTime64(3, 'UTC') COMMENT 'When the token was issued'
)
AS SELECT session_id, max(gw_id) AS gw_id, max(portal_sessions.issued) AS issued
FROM gatepost.portal_sessions
GROUP BY session_id

-- statement
ALTER TABLE gatepost.session_gateways_view MODIFY COMMENT 'Feeds session_gateways from portal_sessions'

-- statement
CREATE TABLE IF NOT EXISTS gatepost.session_hours
(
    gw_id String COMMENT 'The gateway',
    session_id String COMMENT 'The session',
    hour DateTime('UTC') COMMENT 'The hour, by received_at, whose reports this row tells of',
    mac String COMMENT 'The client''s MAC in its latest report',
    ip String COMMENT 'The client''s address in its latest report',
    first_seen DateTime64(3, 'UTC') COMMENT 'Earliest report of the hour',
    last_seen DateTime64(3, 'UTC') COMMENT 'Latest report of the hour',
    last_ok DateTime64(3, 'UTC') COMMENT 'Latest login or counters answered 1 or 5; 1970: none, as in the columns that follow',
    last_login_ok DateTime64(3, 'UTC') COMMENT 'Latest login answered 1 or 5',
    denied_at DateTime64(3, 'UTC') COMMENT 'Latest login or counters answered 0 or 6',
    logout_at DateTime64(3, 'UTC') COMMENT 'Latest logout',
    last_answer Tuple(received_at DateTime64(3, 'UTC'), batch_id UUID, batch_index Int32, auth_code Int16) COMMENT 'Latest login or counters and its answer',
    incoming UInt64 COMMENT 'Bytes to the client that the hour added',
    outgoing UInt64 COMMENT 'Bytes from the client that the hour added',
    reports UInt32 COMMENT 'Counters reports of the hour',
    accepted_in Tuple(total UInt64, value UInt64, logged_in UInt8, online Int64) COMMENT 'Bytes to the client: added in the hour; last accepted value; whether a login came after it; the client''s connection time then, seconds, -1 if not sent',
    accepted_out Tuple(total UInt64, value UInt64, logged_in UInt8, online Int64) COMMENT 'The same for bytes from the client',
    computed_at DateTime64(3, 'UTC') DEFAULT now64(3, 'UTC') COMMENT 'When the row was computed; of one session and hour the newest counts'
)
ENGINE = ReplacingMergeTree(computed_at)
ORDER BY (gw_id, session_id, hour)
TTL hour + toIntervalDay(32)
SETTINGS index_granularity = 256, fsync_after_insert = 1, fsync_part_directory = 1, min_rows_to_fsync_after_merge = 1,
    min_compressed_bytes_to_fsync_after_merge = 1, old_parts_lifetime = 480
COMMENT 'What the reports of a session and an hour come to. Read with FINAL, or read the view sessions'

-- statement
CREATE TABLE IF NOT EXISTS gatepost.session_logins
(
    mac String COMMENT 'The client''s MAC',
    gw_id String COMMENT 'The gateway',
    session_id String COMMENT 'The session',
    last_login_ok SimpleAggregateFunction(max, DateTime64(3, 'UTC')) COMMENT 'Latest login answered 1 or 5'
)
ENGINE = AggregatingMergeTree
ORDER BY (mac, gw_id, session_id)
TTL toDateTime(last_login_ok) + toIntervalDay(32)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, min_rows_to_fsync_after_merge = 1,
    min_compressed_bytes_to_fsync_after_merge = 1, old_parts_lifetime = 480
COMMENT 'The sessions of each client, not yet merged'

-- statement
CREATE TABLE IF NOT EXISTS gatepost.session_rivals
(
    gw_id String COMMENT 'The gateway',
    session_id String COMMENT 'The session',
    rival_login SimpleAggregateFunction(max, DateTime64(3, 'UTC')) COMMENT 'Latest login answered 1 or 5 of another session of the same client'
)
ENGINE = AggregatingMergeTree
ORDER BY (gw_id, session_id)
TTL toDateTime(rival_login) + toIntervalDay(32)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, min_rows_to_fsync_after_merge = 1,
    min_compressed_bytes_to_fsync_after_merge = 1, old_parts_lifetime = 480
COMMENT 'Sessions whose client has logged in under another token as well, not yet merged'

-- statement
CREATE TABLE IF NOT EXISTS gatepost.session_reasons
(
    gw_id String COMMENT 'The gateway',
    session_id String COMMENT 'The session',
    cut SimpleAggregateFunction(max, Tuple(denied_at DateTime64(3, 'UTC'), reason String)) COMMENT 'A denial, the latest, and why: quota:<policy> or revoked'
)
ENGINE = AggregatingMergeTree
ORDER BY (gw_id, session_id)
TTL toDateTime(cut.1) + toIntervalDay(32)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, min_rows_to_fsync_after_merge = 1,
    min_compressed_bytes_to_fsync_after_merge = 1, old_parts_lifetime = 480
COMMENT 'Sessions that were denied because somebody had decided so, not yet merged'

-- statement
CREATE TABLE IF NOT EXISTS gatepost.session_gateway_facts
(
    gw_id String COMMENT 'The gateway',
    interval_seconds UInt32 COMMENT 'Interval of its heartbeats; 0: not known',
    restarted_at DateTime64(3, 'UTC') COMMENT 'Latest heartbeat whose wifidog_uptime had fallen; 1970: none',
    counters_at DateTime64(3, 'UTC') COMMENT 'An hour in which it reported counters, the latest; 1970: never',
    computed_at DateTime64(3, 'UTC') DEFAULT now64(3, 'UTC') COMMENT 'When the row was computed; of one gateway the newest counts'
)
ENGINE = ReplacingMergeTree(computed_at)
ORDER BY gw_id
COMMENT 'What the state of a session depends on of its gateway. Read with FINAL'

-- statement
CREATE TABLE IF NOT EXISTS gatepost.session_settings
(
    name String COMMENT 'timeout_intervals: GATEPOST_SESSION_TIMEOUT_INTERVALS; computed_until: up to where session_touches were looked at, ms since the epoch',
    value UInt64 COMMENT 'Its value',
    updated_at DateTime64(3, 'UTC') DEFAULT now64(3, 'UTC') COMMENT 'When it was written; of one name the newest counts'
)
ENGINE = ReplacingMergeTree(updated_at)
ORDER BY name
COMMENT 'What the view sessions depends on of the configuration, and how far its tables are. Read with FINAL'

-- statement
CREATE VIEW IF NOT EXISTS gatepost.sessions
(
    session_id String COMMENT 'The session: of a token that the portal issued 16 hexadecimal digits; in open mode a keyed hash of the foreign token',
    state String COMMENT 'issued, active, validating, logged_out, denied, expired, superseded, gateway_restarted or timed_out: docs/sessions.md',
    account String COMMENT 'Who logged in; empty: nobody in particular, or not known',
    mac String COMMENT 'The client''s MAC',
    ip String COMMENT 'The client''s address',
    gw_id String COMMENT 'The gateway',
    method String COMMENT 'How the portal let the client in; empty: another system did',
    issued Nullable(DateTime64(3, 'UTC')) COMMENT 'When the token was issued; null: by another system',
    first_seen Nullable(DateTime64(3, 'UTC')) COMMENT 'First report of the session; null: none yet',
    last_seen Nullable(DateTime64(3, 'UTC')) COMMENT 'Latest report',
    ended Nullable(DateTime64(3, 'UTC')) COMMENT 'When it ended; null while issued, validating or active',
    end_reason Nullable(String) COMMENT 'Why it ended: the state, or session_limit, quota:<policy> or revoked; null while it has not',
    incoming UInt64 COMMENT 'Bytes to the client',
    outgoing UInt64 COMMENT 'Bytes from the client',
    reports UInt64 COMMENT 'Counters reports'
)
AS SELECT
    s.session_id AS session_id,
    multiIf(
        s.logout > epoch, 'logged_out',
        s.denied > epoch AND s.denied > s.ok, 'denied',
        s.ok = epoch AND s.origin.use_by > epoch AND now64(3, 'UTC') > s.origin.use_by, 'expired',
        s.ok = epoch, 'issued',
        s.login > epoch AND s.rival > s.login, 'superseded',
        s.ok < gateway.restarted_at, 'gateway_restarted',
        gateway.counters_at > epoch AND now64(3, 'UTC') > deadline, 'timed_out',
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
    multiIf(
        state IN ('issued', 'active', 'validating'), NULL,
        state = 'logged_out', s.logout,
        state = 'denied', s.denied,
        state = 'expired', s.origin.use_by,
        state = 'superseded', s.rival,
        state = 'gateway_restarted', gateway.restarted_at,
        deadline)::Nullable(DateTime64(3, 'UTC')) AS ended,
    multiIf(
        ended IS NULL, NULL,
        state = 'denied' AND s.origin.ends > epoch AND s.denied >= s.origin.ends, 'session_limit',
        state = 'denied' AND s.cut.denied_at >= s.ok AND s.cut.reason != '', s.cut.reason,
        state) AS end_reason,
    s.bytes_in AS incoming,
    s.bytes_out AS outgoing,
    s.counters AS reports,
    toDateTime64(0, 3, 'UTC') AS epoch,
    toDateTime64('2299-12-31 00:00:00', 3, 'UTC') AS far,
    s.ok + toIntervalSecond(if(gateway.interval_seconds = 0, 60, gateway.interval_seconds)
        * (SELECT ifNull(maxOrNull(value), 3) FROM gatepost.session_settings FINAL WHERE name = 'timeout_intervals')) AS deadline
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
        max(denied_at) AS denied,
        max(logout_at) AS logout,
        max(last_answer) AS answer,
        max(rival_login) AS rival,
        max(cut) AS cut,
        sum(incoming) AS bytes_in,
        sum(outgoing) AS bytes_out,
        sum(reports)::UInt64 AS counters
    FROM
    (
        SELECT
            gw_id, session_id,
            tuple(toDateTime64(0, 3, 'UTC'), toUUID('00000000-0000-0000-0000-000000000000'), 0::Int32, '', '', '', '', toDateTime64(0, 3, 'UTC'), toDateTime64(0, 3, 'UTC'))::Tuple(issued DateTime64(3, 'UTC'), batch_id UUID, batch_index Int32, mac String, ip String, account String, method String, use_by DateTime64(3, 'UTC'), ends DateTime64(3, 'UTC')) AS origin,
            tuple(last_seen, mac, ip)::Tuple(DateTime64(3, 'UTC'), String, String) AS client,
            first_seen, last_seen, last_ok, last_login_ok, denied_at, logout_at, last_answer,
            toDateTime64(0, 3, 'UTC') AS rival_login, tuple(toDateTime64(0, 3, 'UTC'), '')::Tuple(denied_at DateTime64(3, 'UTC'), reason String) AS cut,
            incoming, outgoing, reports
        FROM gatepost.session_hours FINAL
        UNION ALL
        SELECT
            gw_id, session_id, origin,
            tuple(toDateTime64(0, 3, 'UTC'), '', '')::Tuple(DateTime64(3, 'UTC'), String, String),
            toDateTime64('2299-12-31 00:00:00', 3, 'UTC'), toDateTime64(0, 3, 'UTC'), toDateTime64(0, 3, 'UTC'), toDateTime64(0, 3, 'UTC'),
            toDateTime64(0, 3, 'UTC'), toDateTime64(0, 3, 'UTC'),
            tuple(toDateTime64(0, 3, 'UTC'), toUUID('00000000-0000-0000-0000-000000000000'), 0::Int32, 0::Int16)::Tuple(received_at DateTime64(3, 'UTC'), batch_id UUID, batch_index Int32, auth_code Int16),
            toDateTime64(0, 3, 'UTC'), tuple(toDateTime64(0, 3, 'UTC'), '')::Tuple(denied_at DateTime64(3, 'UTC'), reason String),
            0::UInt64, 0::UInt64, 0::UInt32
        FROM gatepost.session_origins
        UNION ALL
        SELECT
            gw_id, session_id,
            tuple(toDateTime64(0, 3, 'UTC'), toUUID('00000000-0000-0000-0000-000000000000'), 0::Int32, '', '', '', '', toDateTime64(0, 3, 'UTC'), toDateTime64(0, 3, 'UTC'))::Tuple(issued DateTime64(3, 'UTC'), batch_id UUID, batch_index Int32, mac String, ip String, account String, method String, use_by DateTime64(3, 'UTC'), ends DateTime64(3, 'UTC')),
            tuple(toDateTime64(0, 3, 'UTC'), '', '')::Tuple(DateTime64(3, 'UTC'), String, String),
            toDateTime64('2299-12-31 00:00:00', 3, 'UTC'), toDateTime64(0, 3, 'UTC'), toDateTime64(0, 3, 'UTC'), toDateTime64(0, 3, 'UTC'),
            toDateTime64(0, 3, 'UTC'), toDateTime64(0, 3, 'UTC'),
            tuple(toDateTime64(0, 3, 'UTC'), toUUID('00000000-0000-0000-0000-000000000000'), 0::Int32, 0::Int16)::Tuple(received_at DateTime64(3, 'UTC'), batch_id UUID, batch_index Int32, auth_code Int16),
            rival_login, tuple(toDateTime64(0, 3, 'UTC'), '')::Tuple(denied_at DateTime64(3, 'UTC'), reason String), 0::UInt64, 0::UInt64, 0::UInt32
        FROM gatepost.session_rivals
        UNION ALL
        SELECT
            gw_id, session_id,
            tuple(toDateTime64(0, 3, 'UTC'), toUUID('00000000-0000-0000-0000-000000000000'), 0::Int32, '', '', '', '', toDateTime64(0, 3, 'UTC'), toDateTime64(0, 3, 'UTC'))::Tuple(issued DateTime64(3, 'UTC'), batch_id UUID, batch_index Int32, mac String, ip String, account String, method String, use_by DateTime64(3, 'UTC'), ends DateTime64(3, 'UTC')),
            tuple(toDateTime64(0, 3, 'UTC'), '', '')::Tuple(DateTime64(3, 'UTC'), String, String),
            toDateTime64('2299-12-31 00:00:00', 3, 'UTC'), toDateTime64(0, 3, 'UTC'), toDateTime64(0, 3, 'UTC'), toDateTime64(0, 3, 'UTC'),
            toDateTime64(0, 3, 'UTC'), toDateTime64(0, 3, 'UTC'),
            tuple(toDateTime64(0, 3, 'UTC'), toUUID('00000000-0000-0000-0000-000000000000'), 0::Int32, 0::Int16)::Tuple(received_at DateTime64(3, 'UTC'), batch_id UUID, batch_index Int32, auth_code Int16),
            toDateTime64(0, 3, 'UTC'), cut, 0::UInt64, 0::UInt64, 0::UInt32
        FROM gatepost.session_reasons
    )
    GROUP BY gw_id, session_id
) AS s
LEFT JOIN (SELECT * FROM gatepost.session_gateway_facts FINAL) AS gateway ON gateway.gw_id = s.gw_id
COMMENT 'Every session while raw rows are kept, and its state now'

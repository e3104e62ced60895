-- A session ends once: with the first event after its last accepted report. So the events are kept, not the latest of each kind. Its bytes are
-- those of IPv4 and IPv6, and go on when a gateway counts anew. Rows from before hold the latest events: the defaults take them for the first.

ALTER TABLE gatepost.session_hours
    ADD COLUMN IF NOT EXISTS accepted_in6 Tuple(total UInt64, value UInt64, logged_in UInt8, online Int64) DEFAULT tuple(0, 0, 0, -1) COMMENT 'As accepted_in, of the counters of IPv6' AFTER accepted_out

-- statement
ALTER TABLE gatepost.session_hours
    ADD COLUMN IF NOT EXISTS accepted_out6 Tuple(total UInt64, value UInt64, logged_in UInt8, online Int64) DEFAULT tuple(0, 0, 0, -1) COMMENT 'As accepted_out, of the counters of IPv6' AFTER accepted_in6

-- statement
ALTER TABLE gatepost.session_hours
    ADD COLUMN IF NOT EXISTS lower Array(Tuple(rising UInt8, value UInt64)) COMMENT 'Of these four counters: how many reports running were lower than the last accepted value and rose, and the value of the latest' AFTER accepted_out6

-- statement
ALTER TABLE gatepost.session_hours
    ADD COLUMN IF NOT EXISTS first_logout DateTime64(3, 'UTC') DEFAULT logout_at COMMENT 'First logout; 1970: none' AFTER lower

-- statement
ALTER TABLE gatepost.session_hours
    ADD COLUMN IF NOT EXISTS denial Tuple(at DateTime64(3, 'UTC'), auth_code Int16) DEFAULT tuple(if(denied_at > last_ok, denied_at, toDateTime64(0, 3, 'UTC')), 0) COMMENT 'First counters answered 0 or 6 after the latest report of the hour that was answered 1 or 5, and the answer; 1970: none' AFTER first_logout

-- statement
ALTER TABLE gatepost.session_hours
    ADD COLUMN IF NOT EXISTS login_denial Tuple(at DateTime64(3, 'UTC'), auth_code Int16) COMMENT 'First login answered 0 or 6, and the answer; 1970: none' AFTER denial

-- statement
ALTER TABLE gatepost.session_hours
    ADD COLUMN IF NOT EXISTS logins Array(DateTime64(3, 'UTC')) DEFAULT if(last_login_ok > toDateTime64(0, 3, 'UTC'), [last_login_ok], []) COMMENT 'Logins answered 1 or 5' AFTER login_denial

-- statement
ALTER TABLE gatepost.session_hours
    ADD COLUMN IF NOT EXISTS interval_seconds UInt32 COMMENT 'Interval of the gateway''s heartbeats, as it was when the row was computed; 0: not known' AFTER logins

-- statement
ALTER TABLE gatepost.session_gateway_facts
    ADD COLUMN IF NOT EXISTS restarts Array(DateTime64(3, 'UTC')) DEFAULT if(restarted_at > toDateTime64(0, 3, 'UTC'), [restarted_at], []) COMMENT 'Heartbeats whose wifidog_uptime had fallen, in order; of more than 10,000 the latest' AFTER counters_at

-- statement
CREATE TABLE IF NOT EXISTS gatepost.session_client_logins
(
    mac String COMMENT 'The client''s MAC',
    at DateTime64(3, 'UTC') COMMENT 'When the login was reported',
    gw_id String COMMENT 'The gateway',
    session_id String COMMENT 'The session'
)
ENGINE = ReplacingMergeTree
ORDER BY (mac, at, gw_id, session_id)
TTL toDateTime(at) + toIntervalDay(32)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, min_rows_to_fsync_after_merge = 1,
    min_compressed_bytes_to_fsync_after_merge = 1, old_parts_lifetime = 480
COMMENT 'Logins of each client that were answered 1 or 5'

-- statement
CREATE TABLE IF NOT EXISTS gatepost.session_next_logins
(
    gw_id String COMMENT 'The gateway',
    session_id String COMMENT 'The session',
    rival_logins Array(DateTime64(3, 'UTC')) COMMENT 'Logins of other sessions of the same client after this session''s last login, in order; of more than 100 the first',
    computed_at DateTime64(3, 'UTC') DEFAULT now64(3, 'UTC') COMMENT 'When the row was computed; of one session the newest counts'
)
ENGINE = ReplacingMergeTree(computed_at)
ORDER BY (gw_id, session_id)
TTL toDateTime(computed_at) + toIntervalDay(32)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, min_rows_to_fsync_after_merge = 1,
    min_compressed_bytes_to_fsync_after_merge = 1, old_parts_lifetime = 480
COMMENT 'Which sessions another session of the same client follows. Read with FINAL'

-- statement
CREATE TABLE IF NOT EXISTS gatepost.session_denials
(
    gw_id String COMMENT 'The gateway',
    session_id String COMMENT 'The session',
    denied_at DateTime64(3, 'UTC') COMMENT 'When it was denied',
    reason String COMMENT 'Why: quota:<policy> or revoked'
)
ENGINE = ReplacingMergeTree
ORDER BY (gw_id, session_id, denied_at)
TTL toDateTime(denied_at) + toIntervalDay(32)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, min_rows_to_fsync_after_merge = 1,
    min_compressed_bytes_to_fsync_after_merge = 1, old_parts_lifetime = 480
COMMENT 'Denials that somebody had decided. Read with FINAL'

-- statement
INSERT INTO gatepost.session_client_logins (mac, at, gw_id, session_id)
SELECT mac, max(last_login_ok) AS latest, gw_id, session_id FROM gatepost.session_logins
WHERE mac != '' GROUP BY mac, gw_id, session_id

-- statement
INSERT INTO gatepost.session_next_logins (gw_id, session_id, rival_logins)
SELECT gw_id, session_id, [max(rival_login)] AS latest FROM gatepost.session_rivals GROUP BY gw_id, session_id

-- statement
INSERT INTO gatepost.session_denials (gw_id, session_id, denied_at, reason)
SELECT gw_id, session_id, max(cut).1 AS at, max(cut).2 AS why FROM gatepost.session_reasons GROUP BY gw_id, session_id

-- statement
ALTER TABLE gatepost.session_logins MODIFY COMMENT 'Not written any more: session_client_logins'

-- statement
ALTER TABLE gatepost.session_rivals MODIFY COMMENT 'Not written any more: session_next_logins'

-- statement
ALTER TABLE gatepost.session_reasons MODIFY COMMENT 'Not written any more: session_denials'

-- statement
CREATE OR REPLACE VIEW gatepost.sessions
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
COMMENT 'Every session while raw rows are kept, and its state now'

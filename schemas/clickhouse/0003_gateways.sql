-- The state of gateways. What is kept per gateway never counts anything up: it is maxima, minima and maps of them, so
-- that feeding a heartbeat in again changes nothing.
--
-- Both views take the rows of an insert as they come, cost one small part each, and keep one row per gateway and one
-- per gateway and day.

CREATE TABLE IF NOT EXISTS gatepost.gateway_latest
(
    gw_id String COMMENT 'The gateway''s identifier',
    last_seen SimpleAggregateFunction(max, DateTime64(3, 'UTC')) COMMENT 'When the latest heartbeat was received',
    heartbeat SimpleAggregateFunction(max, Tuple(received_at DateTime64(3, 'UTC'), batch_id UUID, batch_index Int32, remote_ip String, user_agent String, sys_uptime UInt64, sys_memfree UInt64, sys_load Float64, wifidog_uptime UInt64)) COMMENT 'The latest heartbeat; its identity decides between two of one millisecond'
)
ENGINE = AggregatingMergeTree
ORDER BY gw_id
TTL toDateTime(last_seen) + toIntervalDay(32)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, min_rows_to_fsync_after_merge = 1,
    min_compressed_bytes_to_fsync_after_merge = 1, old_parts_lifetime = 480
COMMENT 'Latest heartbeat of each gateway, not yet merged: read the view gateways'

-- statement
CREATE MATERIALIZED VIEW IF NOT EXISTS gatepost.gateway_latest_view TO gatepost.gateway_latest
(
    gw_id String COMMENT 'The gateway''s identifier',
    last_seen DateTime64(3, 'UTC') COMMENT 'When the latest heartbeat of an insert was received',
    heartbeat Tuple(received_at DateTime64(3, 'UTC'), batch_id UUID, batch_index Int32, remote_ip String, user_agent String, sys_uptime UInt64, sys_memfree UInt64, sys_load Float64, wifidog_uptime UInt64) COMMENT 'The latest heartbeat of an insert'
)
AS SELECT
    gw_id,
    max(received_at) AS last_seen,
    max(tuple(received_at, batch_id, batch_index, remote_ip, toString(user_agent), sys_uptime, sys_memfree, sys_load, wifidog_uptime)) AS heartbeat
FROM gatepost.gateway_pings
WHERE trusted = 1
GROUP BY gw_id

-- statement
ALTER TABLE gatepost.gateway_latest_view MODIFY COMMENT 'Feeds gateway_latest from gateway_pings'

-- statement
-- A run is a life of the gateway's program, known by the second in which it began: received_at - wifidog_uptime. The
-- network's delay makes one life show up as two or three neighbouring seconds that interleave.
CREATE TABLE IF NOT EXISTS gatepost.gateway_runs
(
    gw_id String COMMENT 'The gateway''s identifier',
    day Date COMMENT 'UTC day of the heartbeats',
    first_seen SimpleAggregateFunction(minMap, Map(Int64, Int64)) COMMENT 'Second in which the program began -> first heartbeat of the day that says so, seconds since the epoch',
    last_seen SimpleAggregateFunction(maxMap, Map(Int64, Int64)) COMMENT 'Second in which the program began -> last heartbeat of the day that says so, seconds since the epoch'
)
ENGINE = AggregatingMergeTree
ORDER BY (gw_id, day)
TTL toDateTime(day) + toIntervalDay(32)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, min_rows_to_fsync_after_merge = 1,
    min_compressed_bytes_to_fsync_after_merge = 1, old_parts_lifetime = 480
COMMENT 'When each gateway''s program was running, by day, not yet merged: read the view gateways'

-- statement
CREATE MATERIALIZED VIEW IF NOT EXISTS gatepost.gateway_runs_view TO gatepost.gateway_runs
(
    gw_id String COMMENT 'The gateway''s identifier',
    day Date COMMENT 'UTC day of the heartbeats',
    first_seen Map(Int64, Int64) COMMENT 'Second in which the program began -> first heartbeat of an insert that says so',
    last_seen Map(Int64, Int64) COMMENT 'Second in which the program began -> last heartbeat of an insert that says so'
)
AS SELECT
    gw_id,
    toDate(received_at) AS day,
    minMap(map(toUnixTimestamp(received_at)::Int64 - wifidog_uptime::Int64, toUnixTimestamp(received_at)::Int64)) AS first_seen,
    maxMap(map(toUnixTimestamp(received_at)::Int64 - wifidog_uptime::Int64, toUnixTimestamp(received_at)::Int64)) AS last_seen
FROM gatepost.gateway_pings
WHERE trusted = 1
GROUP BY gw_id, day

-- statement
ALTER TABLE gatepost.gateway_runs_view MODIFY COMMENT 'Feeds gateway_runs from gateway_pings'

-- statement
CREATE VIEW IF NOT EXISTS gatepost.gateways
(
    gw_id String COMMENT 'The gateway''s identifier, as it calls itself',
    name String COMMENT 'What operators call it (gateway_names); empty if nothing',
    state String COMMENT 'up: seen within two intervals; late: within five; else down. An interval not known counts as 60 s, the protocol''s default',
    last_seen DateTime64(3, 'UTC') COMMENT 'When the latest trusted heartbeat was received',
    remote_ip String COMMENT 'Address of the latest heartbeat, after trusted proxies',
    user_agent String COMMENT 'User-Agent of the latest heartbeat',
    sys_uptime UInt64 COMMENT 'Seconds since the gateway''s machine started, as of the latest heartbeat',
    sys_memfree UInt64 COMMENT 'Free memory in KiB, as of the latest heartbeat',
    sys_load Float64 COMMENT 'Load average of the last minute, as of the latest heartbeat',
    wifidog_uptime UInt64 COMMENT 'Seconds since the gateway''s program started, as of the latest heartbeat',
    interval_seconds Nullable(UInt32) COMMENT 'Median gap between its heartbeats of the last two hours; null: fewer than three of them',
    clients UInt32 COMMENT 'Clients whose latest report within three intervals (at most an hour) is an allowed login or counters',
    restarts UInt32 COMMENT 'How often wifidog_uptime fell, while raw rows are kept'
)
AS SELECT
    latest.gw_id AS gw_id,
    names.name AS name,
    multiIf(silence <= 2 * assumed_interval, 'up', silence <= 5 * assumed_interval, 'late', 'down') AS state,
    latest.seen AS last_seen,
    latest.beat.remote_ip AS remote_ip,
    latest.beat.user_agent AS user_agent,
    latest.beat.sys_uptime AS sys_uptime,
    latest.beat.sys_memfree AS sys_memfree,
    latest.beat.sys_load AS sys_load,
    latest.beat.wifidog_uptime AS wifidog_uptime,
    nullIf(intervals.seconds, 0) AS interval_seconds,
    arrayCount(at -> at >= now64(3, 'UTC') - toIntervalSecond(3 * assumed_interval), reporting.latest_reports) AS clients,
    runs.falls AS restarts,
    if(intervals.seconds = 0, 60, intervals.seconds) AS assumed_interval,
    dateDiff('second', latest.seen, now64(3, 'UTC')) AS silence
FROM
(
    SELECT gw_id, max(last_seen) AS seen, max(heartbeat) AS beat
    FROM gatepost.gateway_latest
    GROUP BY gw_id
) AS latest
LEFT JOIN
(
    SELECT gw_id, name FROM gatepost.gateway_names FINAL
) AS names ON names.gw_id = latest.gw_id
LEFT JOIN
(
    SELECT
        gw_id,
        arraySort(groupUniqArray(received_at)) AS beats,
        arrayMap((later, earlier) -> dateDiff('millisecond', earlier, later), arrayPopFront(beats), arrayPopBack(beats)) AS gaps,
        if(length(gaps) < 2, 0, greatest(1, round(arrayReduce('quantileExact', gaps) / 1000)))::UInt32 AS seconds
    FROM gatepost.gateway_pings
    WHERE trusted = 1 AND received_at >= now64(3, 'UTC') - INTERVAL 2 HOUR
    GROUP BY gw_id
) AS intervals ON intervals.gw_id = latest.gw_id
LEFT JOIN
(
    SELECT gw_id, groupArray(at) AS latest_reports
    FROM
    (
        SELECT
            gw_id,
            if(mac = '', session_id, mac) AS client,
            max(received_at) AS at,
            argMax(stage != 'logout' AND auth_code IN (1, 5), tuple(received_at, batch_id, batch_index)) AS allowed
        FROM gatepost.gateway_auth
        WHERE own = 1 AND gw_id != '' AND received_at >= now64(3, 'UTC') - INTERVAL 1 HOUR
        GROUP BY gw_id, client
    )
    WHERE allowed
    GROUP BY gw_id
) AS reporting ON reporting.gw_id = latest.gw_id
LEFT JOIN
(
    SELECT
        gw_id,
        minMap(first_seen) AS firsts,
        maxMap(last_seen) AS lasts,
        arraySort(arrayMap(start -> (firsts[start], lasts[start], start), mapKeys(firsts))) AS lives,
        arrayCount(
            (next, previous) -> next.1 > previous.2 AND next.1 - next.3 < previous.2 - previous.3,
            arrayPopFront(lives), arrayPopBack(lives)) AS falls
    FROM gatepost.gateway_runs
    GROUP BY gw_id
) AS runs ON runs.gw_id = latest.gw_id
COMMENT 'Every gateway seen while raw rows are kept: its latest heartbeat and how it is doing now'

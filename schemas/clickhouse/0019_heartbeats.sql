-- A heartbeat is an id and a time: no gateway is left out since it does not send a number, or sends it in another form. Machines with
-- several gateways name themselves too. Rows from before have all numbers, and no machine.

ALTER TABLE gatepost.gateway_pings
    MODIFY COLUMN sys_uptime Nullable(UInt64) COMMENT 'Seconds since the gateway''s machine started; null: not reported'

-- statement
ALTER TABLE gatepost.gateway_pings
    MODIFY COLUMN sys_memfree Nullable(UInt64) COMMENT 'Free memory in KiB; null: not reported'

-- statement
ALTER TABLE gatepost.gateway_pings
    MODIFY COLUMN sys_load Nullable(Float64) COMMENT 'Load average of the last minute; null: not reported'

-- statement
ALTER TABLE gatepost.gateway_pings
    MODIFY COLUMN wifidog_uptime Nullable(UInt64) COMMENT 'Seconds since the gateway''s program started; null: not reported'

-- statement
ALTER TABLE gatepost.gateway_pings
    ADD COLUMN IF NOT EXISTS device_id LowCardinality(String) DEFAULT '' COMMENT 'The machine that sent it, of which gw_id is one gateway (apfree); empty: not sent' AFTER source

-- statement
ALTER TABLE gatepost.gateway_auth
    ADD COLUMN IF NOT EXISTS device_id LowCardinality(String) DEFAULT '' COMMENT 'The machine that reports, of which gw_id is one gateway (apfree); empty: not sent' AFTER source

-- statement
ALTER TABLE gatepost.gateway_latest
    MODIFY COLUMN heartbeat SimpleAggregateFunction(max, Tuple(received_at DateTime64(3, 'UTC'), batch_id UUID, batch_index Int32, remote_ip String, user_agent String, sys_uptime Nullable(UInt64), sys_memfree Nullable(UInt64), sys_load Nullable(Float64), wifidog_uptime Nullable(UInt64))) COMMENT 'The latest heartbeat; its identity decides between two of one millisecond'

-- statement
ALTER TABLE gatepost.gateway_latest_view MODIFY QUERY SELECT
    gw_id,
    max(received_at) AS last_seen,
    max(tuple(received_at, batch_id, batch_index, remote_ip, toString(user_agent), sys_uptime, sys_memfree, sys_load, wifidog_uptime)) AS heartbeat
FROM gatepost.gateway_pings
WHERE trusted = 1
GROUP BY gw_id

-- statement
-- A day whose heartbeats say no uptime has an empty map: the gateway was there, and that is known.
ALTER TABLE gatepost.gateway_runs_view MODIFY QUERY SELECT
    gw_id,
    toDate(received_at) AS day,
    minMap(if(isNull(wifidog_uptime), map()::Map(Int64, Int64),
        map(toUnixTimestamp(received_at)::Int64 - assumeNotNull(wifidog_uptime)::Int64, toUnixTimestamp(received_at)::Int64))) AS first_seen,
    maxMap(if(isNull(wifidog_uptime), map()::Map(Int64, Int64),
        map(toUnixTimestamp(received_at)::Int64 - assumeNotNull(wifidog_uptime)::Int64, toUnixTimestamp(received_at)::Int64))) AS last_seen
FROM gatepost.gateway_pings
WHERE trusted = 1
GROUP BY gw_id, day

-- statement
-- A view whose query is modified loses the comments of its columns.
ALTER TABLE gatepost.gateway_latest_view COMMENT COLUMN gw_id 'The gateway''s identifier'

-- statement
ALTER TABLE gatepost.gateway_latest_view COMMENT COLUMN last_seen 'When the latest heartbeat of an insert was received'

-- statement
ALTER TABLE gatepost.gateway_latest_view COMMENT COLUMN heartbeat 'The latest heartbeat of an insert'

-- statement
ALTER TABLE gatepost.gateway_runs_view COMMENT COLUMN gw_id 'The gateway''s identifier'

-- statement
ALTER TABLE gatepost.gateway_runs_view COMMENT COLUMN day 'UTC day of the heartbeats'

-- statement
ALTER TABLE gatepost.gateway_runs_view COMMENT COLUMN first_seen 'Second in which the program began -> first heartbeat of an insert that says so'

-- statement
ALTER TABLE gatepost.gateway_runs_view COMMENT COLUMN last_seen 'Second in which the program began -> last heartbeat of an insert that says so'

-- statement
CREATE TABLE IF NOT EXISTS gatepost.gateway_devices
(
    device_id String COMMENT 'The machine, as it names itself in heartbeats',
    gw_id String COMMENT 'A gateway of it, for which its heartbeats count',
    last_seen SimpleAggregateFunction(max, DateTime64(3, 'UTC')) COMMENT 'When its latest heartbeat for this gateway was received'
)
ENGINE = AggregatingMergeTree
ORDER BY (device_id, gw_id)
TTL toDateTime(last_seen) + toIntervalDay(32)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, min_rows_to_fsync_after_merge = 1,
    min_compressed_bytes_to_fsync_after_merge = 1, old_parts_lifetime = 480
COMMENT 'Machines with several gateways (apfree), not yet merged'

-- statement
CREATE MATERIALIZED VIEW IF NOT EXISTS gatepost.gateway_devices_view TO gatepost.gateway_devices
(
    device_id String COMMENT 'The machine, as it names itself in heartbeats',
    gw_id String COMMENT 'A gateway of it, for which its heartbeats count',
    last_seen DateTime64(3, 'UTC') COMMENT 'When the latest heartbeat of an insert was received'
)
AS SELECT
    toString(gateway_pings.device_id) AS device_id,
    gw_id,
    max(received_at) AS last_seen
FROM gatepost.gateway_pings
WHERE trusted = 1 AND gateway_pings.device_id != ''
GROUP BY device_id, gw_id

-- statement
ALTER TABLE gatepost.gateway_devices_view MODIFY COMMENT 'Feeds gateway_devices from gateway_pings'

-- statement
CREATE OR REPLACE VIEW gatepost.gateways
(
    gw_id String COMMENT 'The gateway''s identifier, as it calls itself',
    name String COMMENT 'What operators call it (gateway_names); empty if nothing',
    state String COMMENT 'up: seen within two intervals; late: within five; else down. An interval not known counts as 60 s, the protocol''s default',
    last_seen DateTime64(3, 'UTC') COMMENT 'When the latest trusted heartbeat was received',
    remote_ip String COMMENT 'Address of the latest heartbeat, after trusted proxies',
    user_agent String COMMENT 'User-Agent of the latest heartbeat',
    sys_uptime Nullable(UInt64) COMMENT 'Seconds since the gateway''s machine started, as of the latest heartbeat; null: not reported',
    sys_memfree Nullable(UInt64) COMMENT 'Free memory in KiB, as of the latest heartbeat; null: not reported',
    sys_load Nullable(Float64) COMMENT 'Load average of the last minute, as of the latest heartbeat; null: not reported',
    wifidog_uptime Nullable(UInt64) COMMENT 'Seconds since the gateway''s program started, as of the latest heartbeat; null: not reported',
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
-- A machine with gateways is none itself: its first heartbeats come before it names them.
WHERE latest.gw_id NOT IN (SELECT device_id FROM gatepost.gateway_devices WHERE gw_id != device_id)
COMMENT 'Every gateway seen while raw rows are kept: its latest heartbeat and how it is doing now'

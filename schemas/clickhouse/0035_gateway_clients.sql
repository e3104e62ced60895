-- A client whose session is over is not counted, whether or not a report comes; clients of gateways that do not name themselves in auth requests are.

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
    clients UInt32 COMMENT 'Clients whose latest report within three intervals (at most an hour) is an allowed login or counters, and whose session has not reached its end',
    restarts UInt32 COMMENT 'How often wifidog_uptime fell, while raw rows are kept',
    warning String COMMENT 'same_id: several gateways call themselves so, as the uptimes in their heartbeats of the last two hours show. Empty: nothing is wrong',
    addresses Array(String) COMMENT 'Addresses of its heartbeats of the last two hours'
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
    if(intervals.backwards >= 3, 'same_id', '') AS warning,
    intervals.addresses AS addresses,
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
        if(length(gaps) < 2, 0, greatest(1, round(arrayReduce('quantileExact', gaps) / 1000)))::UInt32 AS seconds,
        -- When the program began, as each heartbeat says it. A restart moves that forward; a clock that is set may move it back, once. Two
        -- programs that run side by side move it back again and again. Half a minute is more than a network delays a heartbeat.
        arraySort(groupUniqArrayIf(tuple(received_at, toUnixTimestamp(received_at)::Int64 - ifNull(ifNull(wifidog_uptime, sys_uptime), 0)::Int64),
            NOT isNull(wifidog_uptime) OR NOT isNull(sys_uptime))) AS begins,
        arrayCount((later, earlier) -> later.2 < earlier.2 - 30, arrayPopFront(begins), arrayPopBack(begins)) AS backwards,
        arraySort(groupUniqArray(10)(toString(gateway_pings.remote_ip))) AS addresses
    FROM gatepost.gateway_pings
    WHERE trusted = 1 AND received_at >= now64(3, 'UTC') - INTERVAL 2 HOUR
    GROUP BY gw_id
) AS intervals ON intervals.gw_id = latest.gw_id
LEFT JOIN
(
    SELECT client.gw_id AS gw_id, groupArray(client.at) AS latest_reports
    FROM
    (
        SELECT
            if(auth.gw_id != '', auth.gw_id, known.gw_id) AS gw_id,
            if(auth.mac = '', auth.session_id, auth.mac) AS client,
            max(auth.received_at) AS at,
            argMax((auth.session_id, auth.stage != 'logout' AND auth.auth_code IN (1, 5)), tuple(auth.received_at, auth.batch_id, auth.batch_index)) AS latest
        FROM gatepost.gateway_auth AS auth
        LEFT JOIN
        (
            -- WiFiDog before 1.3 does not name itself; the token's issue tells its gateway.
            SELECT session_id, max(session_gateways.gw_id) AS gw_id
            FROM gatepost.session_gateways
            WHERE session_id IN
            (
                SELECT DISTINCT session_id FROM gatepost.gateway_auth
                WHERE own = 1 AND gw_id = '' AND received_at >= now64(3, 'UTC') - INTERVAL 1 HOUR
            )
            GROUP BY session_id
        ) AS known ON known.session_id = auth.session_id
        WHERE auth.own = 1 AND (auth.gw_id != '' OR known.gw_id != '') AND auth.received_at >= now64(3, 'UTC') - INTERVAL 1 HOUR
        GROUP BY 1, 2
    ) AS client
    LEFT JOIN
    (
        -- The key of the table begins with both.
        SELECT gw_id, session_id, max(origin).9 AS ends
        FROM gatepost.session_origins
        WHERE (gw_id, session_id) IN
        (
            SELECT DISTINCT gw_id, session_id FROM gatepost.gateway_auth
            WHERE own = 1 AND gw_id != '' AND received_at >= now64(3, 'UTC') - INTERVAL 1 HOUR
            UNION ALL
            SELECT gw_id, session_id FROM gatepost.session_gateways
            WHERE session_id IN
            (
                SELECT DISTINCT session_id FROM gatepost.gateway_auth
                WHERE own = 1 AND gw_id = '' AND received_at >= now64(3, 'UTC') - INTERVAL 1 HOUR
            )
        )
        GROUP BY gw_id, session_id
    ) AS origins ON origins.gw_id = client.gw_id AND origins.session_id = client.latest.1
    WHERE client.latest.2 AND (toUnixTimestamp64Milli(origins.ends) = 0 OR origins.ends > now64(3, 'UTC'))
    GROUP BY client.gw_id
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

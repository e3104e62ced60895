-- Bytes of sessions by the hour, of gateways and of RADIUS: what quotas of a day count.

CREATE VIEW IF NOT EXISTS gatepost.session_traffic
(
    gw_id String COMMENT 'The gateway, or the NAS',
    session_id String COMMENT 'The session, as the view sessions names it',
    account String COMMENT 'Who logged in; empty: nobody in particular, or not known',
    mac String COMMENT 'The client''s MAC',
    hour DateTime('UTC') COMMENT 'Hour in which the bytes were reported',
    incoming UInt64 COMMENT 'Bytes to the client',
    outgoing UInt64 COMMENT 'Bytes from the client',
    source String COMMENT 'Who reports it: wifidog, or radius'
)
AS SELECT
    hours.gw_id AS gw_id, hours.session_id AS session_id, origins.account AS account,
    if(hours.mac != '', hours.mac, origins.mac) AS mac, toDateTime(hours.hour, 'UTC') AS hour, hours.incoming AS incoming, hours.outgoing AS outgoing, 'wifidog' AS source
FROM (SELECT gw_id, session_id, mac, hour, incoming, outgoing FROM gatepost.session_hours FINAL) AS hours
LEFT JOIN
(
    SELECT gw_id, session_id, max(origin).account AS account, max(origin).mac AS mac FROM gatepost.session_origins GROUP BY gw_id, session_id
) AS origins ON origins.gw_id = hours.gw_id AND origins.session_id = hours.session_id
UNION ALL
-- What a counter rose by since the value before it, at the time of the later one; as the view radius_sessions adds it up.
SELECT
    nas AS gw_id, unique_id AS session_id, user AS account, client AS mac, each.1 AS hour, sum(each.2) AS incoming, sum(each.3) AS outgoing, 'radius' AS source
FROM
(
    SELECT
        nas, unique_id,
        max(days.username) AS user,
        max(days.mac) AS client,
        max(days.stop).2 AS stopped_after,
        minMap(days.times) AS seconds,
        mapFilter((time, bytes) -> stopped_after = 0 OR time <= stopped_after, maxMap(days.incoming)) AS counted_in,
        mapFilter((time, bytes) -> stopped_after = 0 OR time <= stopped_after, maxMap(days.outgoing)) AS counted_out,
        arrayConcat(
            arrayMap((time, bytes, before) -> (toStartOfHour(toDateTime(seconds[time], 'UTC')), if(bytes >= before, (bytes - before)::UInt64, bytes), 0::UInt64),
                mapKeys(counted_in), mapValues(counted_in), arraySlice(arrayPushFront(mapValues(counted_in), 0::UInt64), 1, length(counted_in))),
            arrayMap((time, bytes, before) -> (toStartOfHour(toDateTime(seconds[time], 'UTC')), 0::UInt64, if(bytes >= before, (bytes - before)::UInt64, bytes)),
                mapKeys(counted_out), mapValues(counted_out), arraySlice(arrayPushFront(mapValues(counted_out), 0::UInt64), 1, length(counted_out)))
        ) AS parts
    FROM gatepost.radius_session_days AS days
    GROUP BY nas, unique_id
)
ARRAY JOIN parts AS each
GROUP BY nas, unique_id, user, client, hour
COMMENT 'Bytes of every session and hour while raw rows are kept'

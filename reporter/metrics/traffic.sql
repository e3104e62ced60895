-- traffic: reports in [start, end) of every gateway and every NAS that had any; a row for each.
--   incoming   bytes to its clients
--   outgoing   bytes from them, both as docs/sessions.md computes them
--   sessions   that reported
--   devices    distinct MACs of these sessions
SELECT
    gw_id,
    sum(bytes_in) AS incoming,
    sum(bytes_out) AS outgoing,
    uniqExact(session_id) AS sessions,
    uniqExactIf(mac, mac != '') AS devices
FROM
(
    SELECT gw_id, session_id, mac, incoming AS bytes_in, outgoing AS bytes_out
    FROM gatepost.session_hours FINAL
    WHERE hour >= {start:DateTime64(3, 'UTC')}
      AND hour < {end:DateTime64(3, 'UTC')}
    UNION ALL
    -- What a counter of RADIUS rose by since the value before it, at the time of the later one. Values of two days before are looked at
    -- too; of a session that began earlier the first one counts nothing, unless it is from after its beginning.
    SELECT
        nas AS gw_id, unique_id AS session_id, client AS mac,
        arraySum(arrayMap((bytes, before, time) -> if(seconds[time] >= from_second AND seconds[time] < to_second,
            if(bytes >= before, (bytes - before)::UInt64, bytes), 0::UInt64), values_in,
            arraySlice(arrayPushFront(values_in, if(is_whole OR empty(values_in), 0::UInt64, values_in[1])), 1, length(values_in)),
            times_in)) AS bytes_in,
        arraySum(arrayMap((bytes, before, time) -> if(seconds[time] >= from_second AND seconds[time] < to_second,
            if(bytes >= before, (bytes - before)::UInt64, bytes), 0::UInt64), values_out,
            arraySlice(arrayPushFront(values_out, if(is_whole OR empty(values_out), 0::UInt64, values_out[1])), 1, length(values_out)),
            times_out)) AS bytes_out
    FROM
    (
        SELECT
            nas, unique_id,
            max(days.mac) AS client,
            max(days.stop).2 AS stopped_after,
            minMap(days.times) AS seconds,
            maxMap(days.incoming) AS counted_in,
            maxMap(days.outgoing) AS counted_out,
            min(days.first_at) AS first,
            max(days.last_at) AS last,
            min(days.began_at) >= toDateTime64(toDate({start:DateTime64(3, 'UTC')}) - 2, 3, 'UTC') AS is_whole,
            mapKeys(mapFilter((time, bytes) -> stopped_after = 0 OR time <= stopped_after, counted_in)) AS times_in,
            mapValues(mapFilter((time, bytes) -> stopped_after = 0 OR time <= stopped_after, counted_in)) AS values_in,
            mapKeys(mapFilter((time, bytes) -> stopped_after = 0 OR time <= stopped_after, counted_out)) AS times_out,
            mapValues(mapFilter((time, bytes) -> stopped_after = 0 OR time <= stopped_after, counted_out)) AS values_out,
            toUnixTimestamp({start:DateTime64(3, 'UTC')})::Int64 AS from_second,
            toUnixTimestamp({end:DateTime64(3, 'UTC')})::Int64 AS to_second
        FROM gatepost.radius_session_days AS days
        WHERE days.day >= toDate({start:DateTime64(3, 'UTC')}) - 2 AND days.day <= toDate({end:DateTime64(3, 'UTC')})
        GROUP BY nas, unique_id
    )
    WHERE (first >= {start:DateTime64(3, 'UTC')} AND first < {end:DateTime64(3, 'UTC')})
       OR (last >= {start:DateTime64(3, 'UTC')} AND last < {end:DateTime64(3, 'UTC')})
       OR arrayExists(second -> second >= from_second AND second < to_second, mapValues(seconds))
)
GROUP BY gw_id
ORDER BY gw_id

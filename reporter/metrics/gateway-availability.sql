-- gateway-availability: trusted heartbeats in the window [start, end); a row for each gateway that was seen in the 32 days
-- before the end, if those rows are still kept.
--   gw_id                the gateway's identifier
--   expected             whole intervals since the window's start, or since the gateway's first heartbeat ever
--   seen                 of these, intervals with a heartbeat
--   ratio                seen / expected; 0 where none was expected
--   longest_gap_seconds  longest time without a heartbeat, from the window's start (or the first heartbeat ever) to its end
-- An interval is the gateway's own: the median gap between its heartbeats of the 7 days before the end, at least 10
-- seconds and at most an hour; 60 seconds, the protocol's default, if those days hold less than two heartbeats.
WITH
    toUnixTimestamp64Milli({start:DateTime64(3, 'UTC')}) AS window_start,
    toUnixTimestamp64Milli({end:DateTime64(3, 'UTC')}) AS window_end,
    window_end - 7 * 86400000 AS week_start,
    -- One row per gateway and day, so that "ever" costs little.
    listed AS
    (
        SELECT gw_id, min(day) < toDate({start:DateTime64(3, 'UTC')}) AS is_older
        FROM gatepost.gateway_runs
        WHERE day < toDate({end:DateTime64(3, 'UTC')})
        GROUP BY gw_id
        HAVING max(day) >= toDate({end:DateTime64(3, 'UTC')}) - 32
    ),
    -- By the hour, as the table is sorted: arrays stay short. Milliseconds since the epoch.
    hours AS
    (
        SELECT
            gw_id,
            toStartOfHour(received_at) AS hour,
            arraySort(groupUniqArray(toUnixTimestamp64Milli(received_at))) AS times
        FROM gatepost.gateway_pings
        WHERE trusted = 1
          AND received_at >= least({start:DateTime64(3, 'UTC')}, {end:DateTime64(3, 'UTC')} - toIntervalDay(7))
          AND received_at < {end:DateTime64(3, 'UTC')}
        GROUP BY gw_id, hour
    ),
    -- Each heartbeat with the one before it; the first has none and says 0, which is before every window.
    steps AS
    (
        SELECT
            gw_id,
            times,
            lagInFrame(times[-1], 1, toInt64(0)) OVER (
                PARTITION BY gw_id ORDER BY hour ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) AS last_before,
            arrayZip(arrayPushFront(arrayPopBack(times), last_before), times) AS pairs
        FROM hours
    ),
    rhythms AS
    (
        SELECT
            gw_id,
            quantileExactInclusiveArray(0.5)(
                arrayMap(pair -> pair.2 - pair.1, arrayFilter(pair -> pair.1 >= week_start, pairs))) AS median_gap,
            if(isNaN(median_gap), 60000., greatest(10000., least(3600000., median_gap))) AS interval,
            minArray(arrayFilter(time -> time >= window_start, times)) AS first_beat,
            maxArray(times) AS last_beat,
            maxArray(arrayMap(
                pair -> pair.2 - pair.1, arrayFilter(pair -> pair.1 >= window_start, pairs))) AS longest_inner_gap
        FROM steps
        GROUP BY gw_id
    ),
    gateways AS
    (
        SELECT
            listed.gw_id AS gw_id,
            rhythms.last_beat >= window_start AS is_seen,
            listed.is_older OR NOT is_seen AS is_whole,
            if(is_whole, window_start, rhythms.first_beat) AS begins,
            -- A join that finds nothing yields 0.
            if(rhythms.interval = 0, 60000., rhythms.interval) AS interval,
            toInt64(floor((window_end - begins) / interval)) AS expected,
            if(
                is_seen,
                greatest(rhythms.first_beat - begins, rhythms.longest_inner_gap, window_end - rhythms.last_beat),
                window_end - begins) AS longest_gap
        FROM listed
        LEFT JOIN rhythms ON rhythms.gw_id = listed.gw_id
    )
SELECT
    gateways.gw_id AS gw_id,
    any(gateways.expected) AS expected,
    -- Intervals that are counted from a heartbeat have the heartbeats in their middle: at their borders a millisecond
    -- would decide in which of two each falls. A bitmap, since the numbers are dense.
    toInt64(groupBitmapIf(
        toUInt32(floor((beats.time - gateways.begins) / gateways.interval + if(gateways.is_whole, 0, 0.5)) AS place),
        beats.time >= window_start AND place < gateways.expected)) AS seen,
    if(expected = 0, 0., seen / expected) AS ratio,
    -- round() would take half a second to the even one.
    intDiv(any(gateways.longest_gap) + 500, 1000) AS longest_gap_seconds
FROM
(
    SELECT gw_id, toUnixTimestamp64Milli(received_at) AS time
    FROM gatepost.gateway_pings
    WHERE trusted = 1
      AND received_at >= {start:DateTime64(3, 'UTC')}
      AND received_at < {end:DateTime64(3, 'UTC')}
) AS beats
-- The right side is held in memory: the gateways, not their heartbeats. One without any has the time 0.
RIGHT JOIN gateways ON gateways.gw_id = beats.gw_id
GROUP BY gateways.gw_id
ORDER BY gw_id

-- Interval, restarts and latest counters of every gateway; of those that sent none lately what was known. {since}: the earliest
-- hour of sessions that was computed since the last time, so that records of long ago that come now count too. Restarts older than the
-- oldest heartbeats are kept as they were known; of all, the latest 10,000: a gateway can claim one with each heartbeat.
SELECT gw_id, if(max(seconds) > 0, max(seconds), max(known_seconds)), arrayMax(arrayPushBack(restarts, toDateTime64(0, 3, 'UTC'))), max(counted),
  arraySlice(arraySort(arrayConcat(arrayFilter(at -> at < min(oldest), max(known)), max(found))), -10000) AS restarts
FROM
(
  SELECT gw_id, interval_seconds AS known_seconds, 0::UInt32 AS seconds, counters_at AS counted, restarts AS known, []::Array(DateTime64(3, 'UTC')) AS found,
    toDateTime64('2299-12-31 00:00:00', 3, 'UTC') AS oldest
  FROM gatepost.session_gateway_facts FINAL
  UNION ALL
  SELECT gw_id, 0::UInt32, 0::UInt32, max(hour)::DateTime64(3, 'UTC'), []::Array(DateTime64(3, 'UTC')), []::Array(DateTime64(3, 'UTC')),
    toDateTime64('2299-12-31 00:00:00', 3, 'UTC')
  FROM gatepost.session_hours
  WHERE hour >= {since:DateTime64(3, 'UTC')} AND reports > 0 GROUP BY gw_id
  UNION ALL
  SELECT gw_id, 0::UInt32, if(length(gaps) < 2, 0, greatest(1, round(arrayReduce('quantileExact', gaps) / 1000)))::UInt32,
    toDateTime64(0, 3, 'UTC'), []::Array(DateTime64(3, 'UTC')), []::Array(DateTime64(3, 'UTC')), toDateTime64('2299-12-31 00:00:00', 3, 'UTC')
  FROM
  (
    SELECT gw_id, arraySort(groupUniqArray(received_at)) AS beats,
      arrayMap((later, earlier) -> dateDiff('millisecond', earlier, later), arrayPopFront(beats), arrayPopBack(beats)) AS gaps
    FROM gatepost.gateway_pings WHERE trusted = 1 AND received_at >= now64(3, 'UTC') - INTERVAL 2 HOUR GROUP BY gw_id
  )
  UNION ALL
  SELECT gw_id, 0::UInt32, 0::UInt32, toDateTime64(0, 3, 'UTC'), []::Array(DateTime64(3, 'UTC')), falls, toDateTime64(lives[1].1, 3, 'UTC') FROM
  (
    SELECT gw_id, minMap(first_seen) AS firsts, maxMap(last_seen) AS lasts,
      arraySort(arrayMap(start -> (firsts[start], lasts[start], start), mapKeys(firsts))) AS lives,
      arrayMap(next -> toDateTime64(next, 3, 'UTC'), arrayFilter(next -> next > 0, arrayMap(
        (next, previous) -> if(next.1 > previous.2 AND next.1 - next.3 < previous.2 - previous.3, next.1, 0),
        arrayPopFront(lives), arrayPopBack(lives)))) AS falls
    FROM gatepost.gateway_runs GROUP BY gw_id
  )
  WHERE notEmpty(lives)
)
GROUP BY gw_id

-- The interval of interim updates at every NAS that had some in the last two hours; of the others what was known stays.
SELECT nas, seconds FROM
(
  SELECT nas, greatest(1, round(quantileExact(0.5)(gap)))::UInt32 AS seconds FROM
  (
    SELECT toString(packets.nas) AS nas, arraySort(groupUniqArray(assumeNotNull(packets.session_time)::Int64)) AS times,
      arrayJoin(arrayMap((later, earlier) -> later - earlier, arrayPopFront(times), arrayPopBack(times))) AS gap
    FROM gatepost.radius_accounting AS packets
    WHERE packets.received_at >= now64(3, 'UTC') - INTERVAL 2 HOUR AND packets.status_type = 'Interim-Update'
      AND isNotNull(packets.session_time)
    GROUP BY nas, packets.unique_id
  )
  GROUP BY nas
  HAVING count() >= 2
)
WHERE (nas, seconds) NOT IN (SELECT nas, interval_seconds FROM gatepost.radius_nas_facts FINAL)

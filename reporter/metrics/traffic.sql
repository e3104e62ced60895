-- traffic: reports in [start, end) of every gateway that had any; a row for each.
--   incoming   bytes to its clients
--   outgoing   bytes from them, both as docs/sessions.md computes them
--   sessions   that reported
--   devices    distinct MACs of these sessions
SELECT
    gw_id,
    sum(incoming) AS incoming,
    sum(outgoing) AS outgoing,
    uniqExact(session_id) AS sessions,
    uniqExactIf(mac, mac != '') AS devices
FROM gatepost.session_hours FINAL
WHERE hour >= {start:DateTime64(3, 'UTC')}
  AND hour < {end:DateTime64(3, 'UTC')}
GROUP BY gw_id
ORDER BY gw_id

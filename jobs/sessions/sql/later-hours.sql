-- Hours after {touchedHour} that these sessions have rows of: they begin where an hour ended that is computed again. Those that were
-- touched themselves are left out: their turn comes later in the same run, and with it that of the hours after them.
SELECT DISTINCT toString(rows.hour) AS later FROM gatepost.session_hours AS rows
WHERE rows.hour > {touchedHour:DateTime('UTC')} AND (rows.gw_id, rows.session_id) IN (SELECT gw_id, session_id FROM keys)
  AND (rows.session_id, rows.hour) NOT IN
  (
    SELECT session_id, hour FROM gatepost.session_touches
    WHERE bucket >= toStartOfFiveMinutes({from:DateTime64(3, 'UTC')}) AND bucket <= {to:DateTime64(3, 'UTC')}
      AND touched_at >= {from:DateTime64(3, 'UTC')} AND touched_at < {to:DateTime64(3, 'UTC')}
      AND hour > {touchedHour:DateTime('UTC')}
  )
ORDER BY later

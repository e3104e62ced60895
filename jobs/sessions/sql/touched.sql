  -- keys: the sessions that were touched in {touchedHour} between {from} and {to}, the {part} of {parts} of them. Only gateways
  -- before WiFiDog 1.3 do not say which one they are: then the portal knew it.
  touched AS
  (
    SELECT session_id, max(gw_id) AS gw_id
    FROM gatepost.session_touches
    WHERE bucket >= toStartOfFiveMinutes({from:DateTime64(3, 'UTC')}) AND bucket <= {to:DateTime64(3, 'UTC')}
      AND touched_at >= {from:DateTime64(3, 'UTC')} AND touched_at < {to:DateTime64(3, 'UTC')}
      AND hour = {touchedHour:DateTime('UTC')} AND cityHash64(session_id) % {parts:UInt32} = {part:UInt32}
    GROUP BY session_id
  ),
  origins AS
  (
    SELECT session_id, max(gw_id) AS gw_id
    FROM gatepost.session_gateways
    WHERE session_id IN (SELECT session_id FROM touched WHERE gw_id = '')
    GROUP BY session_id
  ),
  keys AS
  (
    SELECT if(touched.gw_id != '', touched.gw_id, origins.gw_id) AS gw_id, touched.session_id AS session_id
    FROM touched LEFT JOIN origins ON origins.session_id = touched.session_id
  )

  -- newest: the newest row, of {hour}, of each session in keys. Not FINAL: with it the engine reads the whole table, and a report
  -- costs the more the more sessions there are.
  newest AS
  (
    SELECT gw_id, session_id, mac, last_ok, last_login_ok, denied_at FROM gatepost.session_hours
    WHERE hour = {hour:DateTime('UTC')} AND (gw_id, session_id) IN (SELECT gw_id, session_id FROM keys)
    ORDER BY computed_at DESC LIMIT 1 BY gw_id, session_id
  )

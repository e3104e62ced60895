  -- newest: the newest row, of {hour}, of each session in keys. Not FINAL: with it the engine reads the whole table, and a report
  -- costs the more the more sessions there are. denied: the denial of the hour that may have ended the session; 1970: there is none.
  newest AS
  (
    SELECT gw_id, session_id, mac, logins, if(denial.1 > toDateTime64(0, 3, 'UTC'), denial.1, login_denial.1) AS denied
    FROM gatepost.session_hours
    WHERE hour = {hour:DateTime('UTC')} AND (gw_id, session_id) IN (SELECT gw_id, session_id FROM keys)
    ORDER BY computed_at DESC LIMIT 1 BY gw_id, session_id
  )

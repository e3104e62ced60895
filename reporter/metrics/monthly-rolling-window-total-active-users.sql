-- monthly-rolling-window-total-active-users: successful logins in
-- the 30 complete days before D, which are the window [start, end).
--   users     distinct users (certificate logins have no username and are not among them)
--   run_time  D, the day that begins when the window ends
SELECT
    toInt64(uniqExact(username)) AS users,
    toString(toDate({end:DateTime64(3, 'UTC')})) AS run_time
FROM gatepost.post_auth
WHERE received_at >= {start:DateTime64(3, 'UTC')}
  AND received_at < {end:DateTime64(3, 'UTC')}
  AND success = 1
  AND username != ''

-- month-to-date-total-active-users: successful logins in
-- the complete days of D's month, which are the window [start, end); none on the first of a month.
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

-- active-users: successful logins in the window [start, end), certificate logins (no username) left out.
--   users  distinct users
SELECT toInt64(uniqExact(username)) AS users
FROM gatepost.post_auth
WHERE received_at >= {start:DateTime64(3, 'UTC')}
  AND received_at < {end:DateTime64(3, 'UTC')}
  AND success = 1
  AND username != ''

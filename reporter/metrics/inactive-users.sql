-- inactive-users: accounts created in the window [start, end): from the first day of the month before D's until three
-- days before the first day of D's month, so that each had a few days to be used.
--   new_active_users    accounts that have ever logged in: last_login is set in account_status
--   new_inactive_users  accounts that never have
--   days                length of the window
SELECT
    toInt64(countIf(isNotNull(last_login))) AS new_active_users,
    toInt64(countIf(isNull(last_login))) AS new_inactive_users,
    toInt64(dateDiff('day', {start:DateTime64(3, 'UTC')}, {end:DateTime64(3, 'UTC')})) AS days
FROM gatepost.account_status
WHERE created_at >= {start:DateTime64(3, 'UTC')}
  AND created_at < {end:DateTime64(3, 'UTC')}

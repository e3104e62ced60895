-- active-users: successful logins in the window [start, end), certificate logins (no username) left out.
--   users  distinct users
-- Days are counted from login_calendar, which has them as bits: see docs/tables.md.
SELECT toInt64(uniqExact(subject)) AS users
FROM gatepost.{logins:Identifier}
WHERE kind = 'site'
  AND month >= toStartOfMonth(first_day)
  AND month < day_after
  AND bitAnd(accepted, window_days) != 0

-- monthly-rolling-window-total-active-users: successful logins in
-- the 30 complete days before D, which are the window [start, end).
--   users     distinct users (certificate logins have no username and are not among them)
--   run_time  D, the day that begins when the window ends
-- Days are counted from login_calendar, which has them as bits: see docs/tables.md.
SELECT
    toInt64(uniqExact(subject)) AS users,
    toString(toDate({end:DateTime64(3, 'UTC')})) AS run_time
FROM gatepost.{logins:Identifier}
WHERE kind = 'site'
  AND month >= toStartOfMonth(first_day)
  AND month < day_after
  AND bitAnd(accepted, window_days) != 0

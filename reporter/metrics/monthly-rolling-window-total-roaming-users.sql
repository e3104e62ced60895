-- monthly-rolling-window-total-roaming-users: successful logins in
-- the 30 complete days before D, which are the window [start, end).
--   users     users with logins at more than one known location (certificate logins have no username)
--   run_time  D, the day that begins when the window ends
-- Which location a site has: fragments/sites.sql.
-- Days are counted from login_calendar, which has them as bits: see docs/tables.md.
SELECT
    toInt64(countIf(is_roaming)) AS users,
    toString(toDate({end:DateTime64(3, 'UTC')})) AS run_time
FROM users

-- monthly-rolling-window-total-active-users: successful logins in
-- the 30 complete days before D, which are the window [start, end).
--   users     distinct users (certificate logins have no username and are not among them)
--   run_time  D, the day that begins when the window ends
-- Days are counted from login_calendar, which has them as bits: see docs/tables.md.
WITH
    toDate({start:DateTime64(3, 'UTC')}) AS first_day,
    toDate({end:DateTime64(3, 'UTC')}) AS day_after,
    -- The window's days of a row's month, as bits; bit 0 is the first of the month.
    bitShiftLeft(toUInt64(1), least(32, greatest(0, day_after - month)))
        - bitShiftLeft(toUInt64(1), least(32, greatest(0, first_day - month))) AS window_days
SELECT
    toInt64(uniqExact(subject)) AS users,
    toString(toDate({end:DateTime64(3, 'UTC')})) AS run_time
FROM gatepost.login_calendar
WHERE kind = 'site'
  AND month >= toStartOfMonth(first_day)
  AND month < day_after
  AND bitAnd(accepted, window_days) != 0

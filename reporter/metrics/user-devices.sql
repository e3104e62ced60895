-- user-devices: all logins in the window [start, end), successful or not, certificate logins (no username) left out.
--   devices  mean over users of the number of their distinct MACs; null when there are no users
-- A user whose logins told no MAC counts, with 0.
-- Days are counted from login_calendar, which has them as bits: see docs/tables.md.
WITH
    toDate({start:DateTime64(3, 'UTC')}) AS first_day,
    toDate({end:DateTime64(3, 'UTC')}) AS day_after,
    -- The window's days of a row's month, as bits; bit 0 is the first of the month.
    bitShiftLeft(toUInt64(1), least(32, greatest(0, day_after - month)))
        - bitShiftLeft(toUInt64(1), least(32, greatest(0, first_day - month))) AS window_days
SELECT avgOrNull(macs) AS devices
FROM
(
    SELECT uniqExactIf(detail, detail != '') AS macs
    FROM gatepost.login_calendar
    WHERE kind = 'mac'
      AND month >= toStartOfMonth(first_day)
      AND month < day_after
      AND bitAnd(days, window_days) != 0
    GROUP BY subject
)

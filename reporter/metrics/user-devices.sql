-- user-devices: all logins in the window [start, end), successful or not, certificate logins (no username) left out.
--   devices  mean over users of the number of their distinct MACs; null when there are no users
-- A user whose logins told no MAC counts, with 0.
-- Days are counted from login_calendar, which has them as bits: see docs/tables.md.
SELECT avgOrNull(macs) AS devices
FROM
(
    SELECT uniqExactIf(detail, detail != '') AS macs
    FROM gatepost.{logins:Identifier}
    WHERE kind = 'mac'
      AND month >= toStartOfMonth(first_day)
      AND month < day_after
      AND bitAnd(days, window_days) != 0
    GROUP BY subject
)

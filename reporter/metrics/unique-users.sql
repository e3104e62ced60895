-- unique-users: all logins in the window [start, end), successful or not, on weekdays (Monday to Friday, UTC).
--   count  distinct users of each day, averaged over the weekdays that had any, rounded down; 0 when none had
-- A user is a non-empty username: a weekday of certificate logins only had no users, and does not lower the average.
-- Days are counted from login_calendar, which has them as bits: see docs/tables.md.
WITH
    toDate({start:DateTime64(3, 'UTC')}) AS first_day,
    toDate({end:DateTime64(3, 'UTC')}) AS day_after,
    -- The window's days of a row's month, as bits; bit 0 is the first of the month.
    bitShiftLeft(toUInt64(1), least(32, greatest(0, day_after - month)))
        - bitShiftLeft(toUInt64(1), least(32, greatest(0, first_day - month))) AS window_days
SELECT
    toInt64(if(count() = 0, 0, intDiv(sum(users), greatest(count(), 1)))) AS count
FROM
(
    SELECT count() AS users
    FROM
    (
        SELECT month, subject, bitAnd(groupBitOr(days), any(window_days)) AS seen
        FROM gatepost.login_calendar
        WHERE kind = 'site'
          AND month >= toStartOfMonth(first_day)
          AND month < day_after
          AND bitAnd(days, window_days) != 0
        GROUP BY month, subject
    )
    ARRAY JOIN bitPositionsToArray(seen) AS position
    WHERE toDayOfWeek(month + position, 0) <= 5
    GROUP BY month, position
)

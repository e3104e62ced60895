-- unique-users: all logins in the window [start, end), successful or not, on weekdays (Monday to Friday, UTC).
--   count  distinct users of each day, averaged over the weekdays that had any, rounded down; 0 when none had
-- A user is a non-empty username: a weekday of certificate logins only had no users, and does not lower the average.
-- Days are counted from login_calendar, which has them as bits: see docs/tables.md.
SELECT
    toInt64(if(count() = 0, 0, intDiv(sum(users), greatest(count(), 1)))) AS count
FROM
(
    SELECT count() AS users
    FROM
    (
        SELECT month, subject, bitAnd(groupBitOr(days), any(window_days)) AS seen
        FROM gatepost.{logins:Identifier}
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

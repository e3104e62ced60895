-- unique-users: all logins in the window [start, end), successful or not, on weekdays (Monday to Friday, UTC).
--   count  distinct users of each day, averaged over the weekdays that had any, rounded down; 0 when none had
-- A user is a non-empty username: a weekday of certificate logins only had no users, and does not lower the average.
SELECT
    toInt64(if(count() = 0, 0, intDiv(sum(users), greatest(count(), 1)))) AS count
FROM
(
    SELECT uniqExact(username) AS users
    FROM gatepost.post_auth
    WHERE received_at >= {start:DateTime64(3, 'UTC')}
      AND received_at < {end:DateTime64(3, 'UTC')}
      AND username != ''
      AND toDayOfWeek(received_at, 0, 'UTC') <= 5
    GROUP BY toDate(received_at, 'UTC')
)

-- roaming-users: successful logins in the window [start, end).
--   active   distinct users (certificate logins have no username and are not among them)
--   roaming  of these, users with logins at more than one known location
--   cba      certificate logins (no username, a serial number): distinct certificates by serial number and issuer
-- Which location a site has: fragments/sites.sql.
-- Days are counted from login_calendar, which has them as bits: see docs/tables.md.
SELECT
    toInt64(count()) AS active,
    toInt64(countIf(is_roaming)) AS roaming,
    (
        SELECT toInt64(uniqExact(subject, detail))
        FROM gatepost.{logins:Identifier}
        WHERE kind = 'certificate'
          AND month >= toStartOfMonth(first_day)
          AND month < day_after
          AND bitAnd(accepted, window_days) != 0
    ) AS cba
FROM users

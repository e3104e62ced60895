-- account-usage: successful logins in the window [start, end), certificate logins (no username) left out.
--   total         distinct users
--   transactions  distinct (user, location) pairs; all sites without a known location count as one location, "none"
--   roaming       transactions - total
--   one_time      total - roaming (negative when users were at more than two locations on average)
-- Which location a site has: fragments/sites.sql.
-- Days are counted from login_calendar, which has them as bits: see docs/tables.md.
SELECT
    toInt64(uniqExact(login.subject)) AS total,
    toInt64(uniqExact(login.subject, sites.is_known, sites.location_id)) AS transactions,
    transactions - total AS roaming,
    total - roaming AS one_time
FROM gatepost.{logins:Identifier} AS login
LEFT JOIN sites ON login.detail = sites.site_ip
WHERE login.kind = 'site'
  AND login.month >= toStartOfMonth(first_day)
  AND login.month < day_after
  AND bitAnd(login.accepted, window_days) != 0

-- request-stats: all logins of the hour [start, end), users' and certificates'; a row for each site that sent any.
--   site_ip    address of the RADIUS client as sent; empty if none was
--   successes  accepted
--   failures   all others
SELECT
    site_ip,
    toInt64(countIf(success = 1)) AS successes,
    toInt64(countIf(success != 1)) AS failures
FROM gatepost.post_auth
WHERE received_at >= {start:DateTime64(3, 'UTC')}
  AND received_at < {end:DateTime64(3, 'UTC')}
GROUP BY site_ip
ORDER BY site_ip

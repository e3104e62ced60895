-- user-devices: all logins in the window [start, end), successful or not, certificate logins (no username) left out.
--   devices  mean over users of the number of their distinct MACs; null when there are no users
-- A user whose logins told no MAC counts, with 0.
SELECT avgOrNull(macs) AS devices
FROM
(
    SELECT uniqExactIf(mac, mac != '') AS macs
    FROM gatepost.post_auth
    WHERE received_at >= {start:DateTime64(3, 'UTC')}
      AND received_at < {end:DateTime64(3, 'UTC')}
      AND username != ''
    GROUP BY username
)

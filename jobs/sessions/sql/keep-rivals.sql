-- The logins of other sessions of the same client after a session's own last login, for all sessions of the clients that logged in in
-- {hour}: whatever follows a session's last login in its client's list of logins is another session's. At most 100 of them; of a session
-- that has so many, a later login changes nothing.
SELECT own.gw_id, own.session_id, following.next
FROM
(
  SELECT mac, gw_id, session_id, max(at) AS last FROM gatepost.session_client_logins
  WHERE mac IN (SELECT mac FROM newest WHERE mac != '' AND notEmpty(logins))
  GROUP BY mac, gw_id, session_id
) AS own
INNER JOIN
(
  SELECT mac, at, groupArray(at) OVER (PARTITION BY mac ORDER BY at ROWS BETWEEN 1 FOLLOWING AND 100 FOLLOWING) AS next
  FROM
  (
    SELECT DISTINCT mac, at FROM gatepost.session_client_logins
    WHERE mac IN (SELECT mac FROM newest WHERE mac != '' AND notEmpty(logins))
  )
) AS following ON following.mac = own.mac AND following.at = own.last
WHERE length(following.next) < 100 OR (own.gw_id, own.session_id) IN (SELECT gw_id, session_id FROM keys)

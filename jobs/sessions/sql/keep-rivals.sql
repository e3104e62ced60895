-- What each of these clients' sessions knows of the others.
SELECT own.2 AS gw_id, own.3 AS session_id, rival FROM
(
  SELECT arrayReverseSort(groupArray(tuple(login, gw_id, session_id))) AS logins,
    arrayJoin(logins) AS own,
    if((own.2, own.3) = (logins[1].2, logins[1].3), logins[2].1, logins[1].1) AS rival
  FROM
  (
    SELECT mac, gw_id, session_id, max(last_login_ok) AS login FROM gatepost.session_logins
    WHERE mac IN (SELECT mac FROM newest WHERE mac != '' AND last_login_ok > toDateTime64(0, 3, 'UTC'))
    GROUP BY mac, gw_id, session_id
  )
  GROUP BY mac
)
WHERE rival > toDateTime64(0, 3, 'UTC')

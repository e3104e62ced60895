-- Each client's sessions, from what was computed last.
SELECT mac, gw_id, session_id, max(last_login_ok)
FROM newest
WHERE mac != '' AND last_login_ok > toDateTime64(0, 3, 'UTC')
GROUP BY mac, gw_id, session_id

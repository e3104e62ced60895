-- Each login of each client, from what was computed last.
SELECT mac, arrayJoin(logins) AS at, gw_id, session_id
FROM newest
WHERE mac != ''

-- Whether newest has logins of clients, and denials: without them the statements that follow would find nothing.
SELECT countIf(mac != '' AND notEmpty(logins)) > 0 AS logins, countIf(denied > toDateTime64(0, 3, 'UTC')) > 0 AS denials FROM newest

-- A session is looked for in its latest hours. Parts hold what was computed at about the same time: of most of them the hours say that
-- nothing in them is that young, so that a report costs the same however many sessions there have been. One entry for
-- some 262,000 rows: within a part, which is sorted by gateway, every stretch has hours of all of its time.

ALTER TABLE gatepost.session_hours ADD INDEX IF NOT EXISTS by_hour hour TYPE minmax GRANULARITY 1024

-- Why sessions were denied in {hour}: what was decided about them by then, the narrowest first. A logout at the gateway comes before a denial, so
-- logged_out is one on the portal's page. That a token expired is in the state. A reason that was found once is kept, also when the decision is taken back later.
SELECT gw_id, session_id, at, reason FROM
(
  WITH
    ended AS
    (
      SELECT gw_id, session_id, mac, denied FROM newest
      WHERE denied > toDateTime64(0, 3, 'UTC')
    ),
    accounts AS
    (
      SELECT gw_id, session_id, max(origin).6 AS account FROM gatepost.session_origins
      WHERE (gw_id, session_id) IN (SELECT gw_id, session_id FROM ended) GROUP BY gw_id, session_id
    ),
    denied AS
    (
      SELECT ended.gw_id AS gw_id, ended.session_id AS session_id, ended.denied AS at,
        arrayJoin(arrayZip([1, 2, 3, 4]::Array(UInt8), [concat('session:', ended.session_id), concat('mac:', ended.mac),
          concat('account:', accounts.account), concat('gateway:', ended.gw_id)])) AS subject
      FROM ended LEFT JOIN accounts ON accounts.gw_id = ended.gw_id AND accounts.session_id = ended.session_id
    )
  SELECT denied.gw_id AS gw_id, denied.session_id AS session_id, denied.at AS at, argMin(decided.reason, denied.subject.1) AS given,
    multiIf(startsWith(given, 'quota:') OR given = 'logged_out', given, given = 'expired', '', 'revoked') AS reason
  FROM denied INNER JOIN
  (
    SELECT subject, reason, until, updated_at, removed, mirrored_at FROM gatepost.access_decisions FINAL
    WHERE verdict = 'deny' AND subject IN (SELECT subject.2 FROM denied)
  ) AS decided ON decided.subject = denied.subject.2
  WHERE decided.updated_at <= denied.at + toIntervalSecond(1)
    -- What ended before explains nothing; workers learn within two seconds that a decision was taken back.
    AND (decided.until IS NULL OR decided.until > denied.at - toIntervalSecond(2))
    AND (decided.removed = 0 OR decided.mirrored_at > denied.at - toIntervalSecond(1))
  GROUP BY gw_id, session_id, at
)
WHERE reason != ''

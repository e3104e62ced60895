-- More login methods than there were.

ALTER TABLE gatepost.portal_sessions COMMENT COLUMN IF EXISTS method 'The login method, as GATEPOST_LOGIN names it'

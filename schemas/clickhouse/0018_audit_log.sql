-- Every look at a person and every refused credential, also of SQL: equal ones of ten minutes are two rows at most.

ALTER TABLE gatepost.audit_log
    ADD COLUMN IF NOT EXISTS times UInt32 DEFAULT 1 COMMENT 'How often, if more rows would say the same' AFTER remote_ip,
    COMMENT COLUMN IF EXISTS who 'operator or viewer, by the password given; local: nobody had to log in; sql:NAME: a user of the SQL endpoint; nobody: the password was wrong',
    COMMENT COLUMN IF EXISTS action 'login, login_refused, bearer_refused, logout, logins_search, sessions_search, sessions_listed, session_viewed, session_cut_off, dead_letters_viewed, dead_letter_replayed, forget_counted, forget, forget_refused, sql_query, sql_refused or sql_login_refused',
    COMMENT COLUMN IF EXISTS subject 'What it was about: the parameters of the search, the session, or the kind of SQL statement and the tables it names'

-- statement
ALTER TABLE gatepost.audit_log MODIFY COMMENT 'Looks at people, refused credentials and actions, on the dashboard and by SQL; kept for a year'

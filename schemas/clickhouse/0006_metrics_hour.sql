-- Results of the period hour: 24 of one date. A column of a sorting key that is added later may have no DEFAULT; the
-- rows there are get the type's own, 0.

ALTER TABLE gatepost.metrics
    ADD COLUMN IF NOT EXISTS hour UInt8 COMMENT 'Period hour: its window ends when this hour of the date begins. Else 0' AFTER date,
    MODIFY ORDER BY (metric_name, period, date, hour)

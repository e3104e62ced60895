-- Where a login happened, as its site says: the network's name, the NAS and its port. And the realm of the user. Rows from before have none.

ALTER TABLE gatepost.post_auth
    ADD COLUMN IF NOT EXISTS ssid LowCardinality(String) DEFAULT '' COMMENT 'Name of the network: what follows the MAC in called_station_id' AFTER source,
    ADD COLUMN IF NOT EXISTS nas_identifier LowCardinality(String) DEFAULT '' COMMENT 'Name of the NAS (NAS-Identifier), as sent' AFTER ssid,
    ADD COLUMN IF NOT EXISTS nas_ip LowCardinality(String) DEFAULT '' COMMENT 'Address of the NAS as it says itself (NAS-IP-Address, NAS-IPv6-Address), in its one spelling' AFTER nas_identifier,
    ADD COLUMN IF NOT EXISTS nas_port_id LowCardinality(String) DEFAULT '' COMMENT 'Port or interface of the NAS (NAS-Port-Id), as sent' AFTER nas_ip,
    ADD COLUMN IF NOT EXISTS realm LowCardinality(String) DEFAULT '' COMMENT 'What follows the last @ of the user name, lower case' AFTER nas_port_id

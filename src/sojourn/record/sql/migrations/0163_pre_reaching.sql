-- What is known of the ways to a partner (gate/exchange/ways.py), with its day: what was found to be there, what last arrived, what last failed.
-- Documents that are under way are messages (record.exchange_message, door `document`). Nothing that is readable here names anybody.
CREATE TABLE record.exchange_finding (
    tenant int NOT NULL, partner text COLLATE "C" NOT NULL,
    way text COLLATE "C" NOT NULL,                          -- print, fax, direct, mhd, sftp
    kind text COLLATE "C" NOT NULL,                         -- found, arrived, failed: the last of each
    said text NOT NULL DEFAULT '', at timestamptz NOT NULL,
    PRIMARY KEY (tenant, partner, way, kind)
);
CREATE INDEX exchange_message_documents ON record.exchange_message (tenant, seq) WHERE direction = 'out' AND door = 'document' AND state = 'received';

REVOKE ALL ON record.exchange_finding FROM sojourn_app;

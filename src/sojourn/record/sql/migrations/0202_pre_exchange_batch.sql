-- HL7 v2 files that a partner takes from its folder: one for each time of the rhythm that was agreed, of messages that wait for that partner.
CREATE TABLE record.exchange_batch (
    tenant int NOT NULL, batch text COLLATE "C" NOT NULL, partner text COLLATE "C" NOT NULL,
    begins timestamptz NOT NULL,                            -- the time of the rhythm to which it belongs
    made timestamptz NOT NULL,
    over timestamptz,                                       -- when they took it to its end or removed it, or nothing of it was left
    PRIMARY KEY (tenant, batch)
);
CREATE UNIQUE INDEX exchange_batch_once ON record.exchange_batch (tenant, partner, begins);
CREATE INDEX exchange_batch_out ON record.exchange_batch (tenant, partner) WHERE over IS NULL;
ALTER TABLE record.exchange_message ADD COLUMN batch text COLLATE "C";  -- of one that goes out: the file in which it leaves
CREATE INDEX exchange_message_batch ON record.exchange_message (tenant, batch) WHERE batch IS NOT NULL;
REVOKE ALL ON record.exchange_batch FROM sojourn_app;

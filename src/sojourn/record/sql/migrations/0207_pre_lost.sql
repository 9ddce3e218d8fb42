-- A document that counted as arrived and did not after all: what it belongs to is still to be told.
ALTER TABLE record.exchange_message ADD COLUMN lost boolean NOT NULL DEFAULT false;
CREATE INDEX exchange_message_lost ON record.exchange_message (tenant) WHERE lost;

-- Mail that was not taken stands on the exchange desk until somebody says that they looked at it.
ALTER TABLE record.direct_refused ADD COLUMN seen timestamptz;
ALTER TABLE record.direct_refused ADD COLUMN seen_by text COLLATE "C" NOT NULL DEFAULT '';
CREATE INDEX direct_refused_new ON record.direct_refused (tenant, at) WHERE seen IS NULL;

-- What a message said is kept for as long as the rule for its kind says, then destroyed; its envelope and what happened to it stay.
ALTER TABLE record.exchange_message ADD COLUMN destroyed timestamptz;
CREATE INDEX exchange_message_kept ON record.exchange_message (tenant, received) WHERE state IN ('mapped', 'aside') AND destroyed IS NULL;

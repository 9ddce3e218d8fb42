-- Contracts of single exchanges: an order that went out is closed by what answers it, and what is owed is found without reading what was done.
ALTER TABLE record.exchange_message ADD COLUMN closed timestamptz;  -- of an order that went out: when something of theirs about the same order was filed, or it was cancelled

CREATE INDEX exchange_message_owed ON record.exchange_message (tenant, partner, received) WHERE state IN ('received', 'review', 'held', 'failed');
CREATE INDEX exchange_message_asked ON record.exchange_message (tenant, partner, received) WHERE direction = 'out' AND closed IS NULL AND kind IN ('ORM^O01', 'OML^O21');
CREATE INDEX exchange_message_asked_about ON record.exchange_message (tenant, about) WHERE direction = 'out' AND closed IS NULL AND kind IN ('ORM^O01', 'OML^O21');

-- How much came and went, by hour and day: only what the chart counts is read.
CREATE INDEX exchange_message_traffic ON record.exchange_message (tenant, received) INCLUDE (partner, direction, state);

-- Documents that a partner brings are messages too: a paper names the message that it came as, which is done once somebody says whose it is.
ALTER TABLE record.paper ADD COLUMN message text COLLATE "C" NOT NULL DEFAULT '';
CREATE INDEX paper_message ON record.paper (tenant, message) WHERE message <> '';

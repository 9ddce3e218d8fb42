-- When a resource last changed as far as callers subject to redaction may know: they search and sort by it (`_lastUpdated`). Without an
-- index a page of 20 in that order read every resource of the type: 250 ms at 9,000, where others take 5.
CREATE INDEX resource_plain_updated ON record.resource (tenant, type, plain_updated, rid);

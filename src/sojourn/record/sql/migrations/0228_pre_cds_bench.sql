-- CDS services that are asked already go on being asked, as long as what they are asked stays as it is (decision 94): of who exchanges nothing else, a go is written down.
INSERT INTO record.exchange_go (tenant, partner, way, facts, reason, at)
SELECT p.tenant, p.partner, 'before', p.facts, 'Was asked already when CDS services came to the test bench.', now()
FROM record.exchange_partner p
WHERE p.known_to = 'infinity' AND p.facts::jsonb ->> 'door' IN ('none', 'cds') AND jsonb_array_length(coalesce(p.facts::jsonb #> '{calls,services}', '[]')) > 0
  AND NOT EXISTS (SELECT FROM record.exchange_go g WHERE g.tenant = p.tenant AND g.partner = p.partner)
ORDER BY p.tenant, p.partner;

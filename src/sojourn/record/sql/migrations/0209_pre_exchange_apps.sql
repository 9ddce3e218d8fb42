-- Partners of the FHIR API on the test bench. Until they exchange for real, their services work in an organization of made-up people beside ours: what is
-- real has another number at the head of every key.
ALTER TABLE record.tenant ADD COLUMN bench_of int REFERENCES record.tenant;  -- of the organization whose test bench it is; null: an organization
CREATE UNIQUE INDEX tenant_bench ON record.tenant (bench_of);

-- Services of outside organizations that are there already exchange for real: they go on, as long as what they may ask for stays as it is. By client id.
INSERT INTO record.exchange_go (tenant, partner, way, facts, reason, at)
SELECT a.tenant, a.app, 'before',
       jsonb_build_object('app', jsonb_build_object('whose', a.facts::jsonb -> 'whose', 'organization', a.facts::jsonb -> 'organization', 'role', a.facts::jsonb -> 'role',
                                                    'programs', a.facts::jsonb -> 'programs', 'scopes', a.facts::jsonb -> 'scopes'))::text,
       'Was live already when services came to the test bench.', now()
FROM record.app a
WHERE a.known_to = 'infinity' AND a.state <> 'stopped' AND a.facts::jsonb -> 'uses' ? 'service' AND a.facts::jsonb ->> 'whose' = 'outside'
  AND EXISTS (SELECT FROM record.app h WHERE h.tenant = a.tenant AND h.app = a.app AND h.state = 'active')
ORDER BY a.tenant, a.app;

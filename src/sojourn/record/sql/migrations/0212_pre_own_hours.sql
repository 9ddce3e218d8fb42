-- Whoever sees clients keeps their own working hours and absences (docs/schedule.md): organizations that are there already.
INSERT INTO record.role_rule (tenant, role, types, actions)
SELECT t.tenant, n.role, '{Availability}'::text[], '{keep}'::text[]
FROM record.tenant t
CROSS JOIN (VALUES ('clinician'), ('supervisor'), ('on-call'), ('nurse'), ('technician')) AS n(role)
WHERE EXISTS (SELECT FROM record.role_rule r WHERE r.tenant = t.tenant AND r.role = n.role AND r.known_to = 'infinity');

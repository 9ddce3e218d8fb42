-- Roles that see clients also see which records are of one person, as far as they may see both (docs/admissions.md): organizations that are there already.
INSERT INTO record.role_rule (tenant, role, types, actions)
SELECT t.tenant, n.role, '{Linkage}'::text[], '{read,search}'::text[]
FROM record.tenant t
CROSS JOIN (VALUES ('technician'), ('biller'), ('utilization-reviewer')) AS n(role)
WHERE EXISTS (SELECT FROM record.role_rule r WHERE r.tenant = t.tenant AND r.role = n.role AND r.known_to = 'infinity');

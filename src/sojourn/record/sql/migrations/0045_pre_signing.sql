-- Organizations that are there already: who signs, co-signs, opens again what is locked, and enters credentials.
INSERT INTO record.role_rule (tenant, role, types, actions)
SELECT t.tenant, n.role, n.types, n.actions
FROM record.tenant t
CROSS JOIN (VALUES ('supervisor', '{DocumentReference}'::text[], '{co-sign,unlock}'::text[]), ('supervisor', '{Provenance,Basic}', '{create}'),
                   ('supervisor', '{Practitioner}', '{update}'), ('supervisor', '{Credential}', '{administer}'),
                   ('on-call', '{Provenance}', '{create}'), ('nurse', '{Provenance}', '{create}'),
                   ('administrator', '{Credential}', '{administer}'), ('administrator', '{Practitioner}', '{update}')) AS n(role, types, actions)
WHERE EXISTS (SELECT FROM record.role_rule r WHERE r.tenant = t.tenant AND r.role = n.role AND r.known_to = 'infinity');

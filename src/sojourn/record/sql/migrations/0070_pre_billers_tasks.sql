-- Billers enter authorizations and read no tasks: what was done about a result may be written in one.
UPDATE record.role_rule SET known_to = now()
WHERE role = 'biller' AND known_to = 'infinity' AND types IN ('{Task}', '{ClaimResponse,Task}');
INSERT INTO record.role_rule (tenant, role, types, actions)
SELECT t.tenant, 'biller', '{ClaimResponse}', '{create,update}'
FROM record.tenant t
WHERE EXISTS (SELECT FROM record.role_rule r WHERE r.tenant = t.tenant AND r.role = 'biller' AND r.known_to = 'infinity')
  AND NOT EXISTS (SELECT FROM record.role_rule r WHERE r.tenant = t.tenant AND r.role = 'biller' AND r.known_to = 'infinity' AND r.types = '{ClaimResponse}' AND r.actions = '{create,update}');

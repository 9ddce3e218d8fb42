-- Organizations that are there already: outside organizations bring documents (IHE MHD), which wait in the tray for somebody here.
INSERT INTO record.role_rule (tenant, role, types, actions)
SELECT t.tenant, 'outside', '{DocumentReference}', '{provide}'
FROM record.tenant t
WHERE EXISTS (SELECT FROM record.role_rule r WHERE r.tenant = t.tenant AND r.role = 'outside' AND r.known_to = 'infinity');

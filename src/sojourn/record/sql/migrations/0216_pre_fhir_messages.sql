-- Organizations that are there already: services of partners send FHIR messages, which are kept for a partner with whom some were agreed, and for nobody else.
INSERT INTO record.role_rule (tenant, role, types, actions)
SELECT t.tenant, r.role, '{MessageHeader}', '{message}'
FROM record.tenant t, (VALUES ('outside'), ('system')) AS r(role)
WHERE EXISTS (SELECT FROM record.role_rule x WHERE x.tenant = t.tenant AND x.role = r.role AND x.known_to = 'infinity');

-- Who orders from the laboratory, who collects and sends specimens, and who keeps the catalog: organizations that are there already.
INSERT INTO record.role_rule (tenant, role, types, actions)
SELECT t.tenant, n.role, n.types, n.actions
FROM record.tenant t
CROSS JOIN (VALUES
    ('clinician', '{LabOrder}'::text[], '{order,collect}'::text[]),
    ('supervisor', '{LabOrder}', '{order}'),
    ('supervisor', '{ActivityDefinition}', '{create,update}'),
    ('nurse', '{LabOrder}', '{collect}')) AS n(role, types, actions)
WHERE EXISTS (SELECT FROM record.role_rule r WHERE r.tenant = t.tenant AND r.role = n.role AND r.known_to = 'infinity');

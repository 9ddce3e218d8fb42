-- Who enters results of tests that are done here: roles that collect specimens, and the report that a result is, in organizations that are there already.
INSERT INTO record.role_rule (tenant, role, types, actions)
SELECT t.tenant, n.role, n.types, n.actions
FROM record.tenant t
CROSS JOIN (VALUES
    ('clinician', '{LabOrder}'::text[], '{result}'::text[]),
    ('nurse', '{LabOrder}', '{result}'),
    ('nurse', '{DiagnosticReport}', '{create,update}')) AS n(role, types, actions)
WHERE EXISTS (SELECT FROM record.role_rule r WHERE r.tenant = t.tenant AND r.role = n.role AND r.known_to = 'infinity');

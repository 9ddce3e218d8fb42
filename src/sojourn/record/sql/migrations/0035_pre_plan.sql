-- Organizations that are there already: supervisors sign plans, mend them, and keep the organization's suggestions for them.
INSERT INTO record.role_rule (tenant, role, types, actions)
SELECT t.tenant, n.role, n.types, n.actions
FROM record.tenant t
CROSS JOIN (VALUES ('supervisor', '{CarePlan}'::text[], '{co-sign}'::text[]), ('supervisor', '{ServiceRequest}', '{create,update,delete}'),
                   ('supervisor', '{PlanDefinition}', '{create,update}')) AS n(role, types, actions)
WHERE EXISTS (SELECT FROM record.role_rule r WHERE r.tenant = t.tenant AND r.role = n.role AND r.known_to = 'infinity');

-- Organizations that are there already: whoever reconciles a document from outside takes over insurance, devices, family history and what was handed out, too.
INSERT INTO record.role_rule (tenant, role, types, actions)
SELECT t.tenant, n.role, n.types, '{create,update}'::text[]
FROM record.tenant t
CROSS JOIN (VALUES ('clinician', '{Coverage,Device,MedicationDispense}'::text[]), ('nurse', '{Coverage,Device,FamilyMemberHistory,MedicationDispense}')) AS n(role, types)
WHERE EXISTS (SELECT FROM record.role_rule r WHERE r.tenant = t.tenant AND r.role = n.role AND r.known_to = 'infinity');

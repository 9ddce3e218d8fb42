-- Admissions keep call sheets, pre-screens and worksheets of benefits, and say when a bed is closed: organizations that are there already.
INSERT INTO record.role_rule (tenant, role, types, actions)
SELECT t.tenant, n.role, n.types, n.actions
FROM record.tenant t
CROSS JOIN (VALUES ('admissions', '{Questionnaire,QuestionnaireResponse}'::text[], '{read,search,history}'::text[]), ('admissions', '{QuestionnaireResponse}', '{create,update}'),
                   ('admissions', '{Location}', '{update}'), ('admissions', '{Observation}', '{create}'),
                   ('admissions', '{Linkage}', '{read,search,history,create,update}'), ('privacy-officer', '{Linkage}', '{create,update}')) AS n(role, types, actions)
WHERE EXISTS (SELECT FROM record.role_rule r WHERE r.tenant = t.tenant AND r.role = n.role AND r.known_to = 'infinity');

-- Organizations that are there already: who keeps the roster, and who may act when somebody is in danger (docs/risk.md).
INSERT INTO record.role_rule (tenant, role, types, actions)
SELECT t.tenant, n.role, n.types, '{create,update}'
FROM record.tenant t
CROSS JOIN (VALUES ('supervisor', '{ClinicalImpression,Communication,Flag,PractitionerRole,QuestionnaireResponse,RiskAssessment}'::text[]),
                   ('on-call', '{CarePlan,ClinicalImpression,QuestionnaireResponse,RiskAssessment}'::text[]),
                   ('nurse', '{CarePlan,ClinicalImpression,QuestionnaireResponse,RiskAssessment}'::text[]),
                   ('administrator', '{PractitionerRole}'::text[])) AS n(role, types)
WHERE EXISTS (SELECT FROM record.role_rule r WHERE r.tenant = t.tenant AND r.role = n.role AND r.known_to = 'infinity');

-- Authorizations: a role that speaks with payers, and who else enters them; organizations that are there already. A role of that name that
-- an organization made for itself stays as it is.
INSERT INTO record.role_rule (tenant, role, types, actions)
SELECT t.tenant, n.role, n.types, n.actions
FROM record.tenant t
CROSS JOIN (VALUES
    ('biller', '{Task}'::text[], '{read,search,history}'::text[]),
    ('biller', '{ClaimResponse,Task}', '{create,update}'),
    ('admissions', '{ClaimResponse}', '{read,search,history,create,update}')) AS n(role, types, actions)
WHERE EXISTS (SELECT FROM record.role_rule r WHERE r.tenant = t.tenant AND r.role = n.role AND r.known_to = 'infinity');

INSERT INTO record.role_rule (tenant, role, types, actions)
SELECT t.tenant, 'utilization-reviewer', n.types, n.actions
FROM record.tenant t
CROSS JOIN (VALUES
    ('{*}'::text[], '{reach:programs}'::text[]),
    ('{*}', '{purpose:HPAYMT}'),
    ('{Patient,Coverage,ClaimResponse,Encounter,EpisodeOfCare,Condition,Procedure,Observation,DiagnosticReport,CarePlan,Goal,CareTeam,ClinicalImpression,RiskAssessment,DocumentReference,QuestionnaireResponse,Questionnaire,MedicationRequest,AllergyIntolerance,Flag,Task,Practitioner,PractitionerRole,Organization,Location,Appointment}', '{read,search,history}'),
    ('{ClaimResponse,Task}', '{create,update}')) AS n(types, actions)
WHERE EXISTS (SELECT FROM record.role_rule r WHERE r.tenant = t.tenant AND r.known_to = 'infinity')
  AND NOT EXISTS (SELECT FROM record.role_rule r WHERE r.tenant = t.tenant AND r.role = 'utilization-reviewer' AND r.known_to = 'infinity');

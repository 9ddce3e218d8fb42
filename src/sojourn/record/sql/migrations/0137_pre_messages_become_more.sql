-- Messages of partners become more than results: visits elsewhere, people, insurance, allergies, documents, appointments (docs/hl7v2.md).
INSERT INTO record.role_rule (tenant, role, types, actions)
SELECT t.tenant, 'interface', n.types, n.actions
FROM record.tenant t
CROSS JOIN (VALUES
    ('{Encounter,Condition,AllergyIntolerance,Coverage,RelatedPerson,Appointment,DocumentReference,Linkage}'::text[], '{read,search,history}'::text[]),
    ('{Patient,Encounter,Condition,AllergyIntolerance,Coverage,RelatedPerson,Appointment,DocumentReference}', '{create,update}')) AS n(types, actions)
WHERE EXISTS (SELECT FROM record.role_rule r WHERE r.tenant = t.tenant AND r.role = 'interface' AND r.known_to = 'infinity');

-- Patients, and who acts for them by law, sign consents on their own account.
INSERT INTO record.role_rule (tenant, role, types, actions)
SELECT DISTINCT x.tenant, x.role, '{Consent}'::text[], '{sign}'::text[] FROM record.role_rule x
WHERE x.known_to = 'infinity' AND x.role IN ('patient', 'proxy');

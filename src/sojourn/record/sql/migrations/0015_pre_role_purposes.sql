-- For what a role's people work: a rule of its own, of actions that begin with `purpose:`, as roles.toml says for new organizations.
-- A role without one works for treatment.
INSERT INTO record.role_rule (tenant, role, types, actions)
SELECT DISTINCT x.tenant, x.role, '{*}'::text[], CASE WHEN x.role = 'biller' THEN '{purpose:HPAYMT}'::text[] ELSE '{purpose:HOPERAT}' END
FROM record.role_rule x
WHERE x.known_to = 'infinity' AND x.role IN ('biller', 'privacy-officer', 'administrator', 'integration-manager');

-- Accounts of clients and of those who act for them: found by whom they stand for, and given out by whoever may invite.

CREATE INDEX account_agent ON record.account (tenant, agent) WHERE agent IS NOT NULL;

-- Organizations that are there already.
INSERT INTO record.role_rule (tenant, role, types, actions)
SELECT DISTINCT r.tenant, r.role, '{PatientAccount}'::text[], '{invite}'::text[] FROM record.role_rule r
WHERE r.known_to = 'infinity' AND r.role IN ('admissions', 'privacy-officer');

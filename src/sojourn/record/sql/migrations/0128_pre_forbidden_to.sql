-- Whom patients forbade something: asked for whoever would see everything (docs/decisions/0055-forbidden-to-somebody.md).
CREATE INDEX consent_grant_deny ON record.consent_grant (tenant, recipient) WHERE effect = 'deny' AND known_to = 'infinity';

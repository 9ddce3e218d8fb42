-- What goes out to partners. What may have to be told to one (exchange_intent) is nobody's to see but the privacy officer's, and only where it was
-- held back; a message becomes an envelope (exchange_message, direction out) when the gate lets it leave, and not before.

CREATE TABLE record.exchange_intent (
    tenant int NOT NULL, intent text COLLATE "C" NOT NULL, n bigint GENERATED ALWAYS AS IDENTITY,
    partner text COLLATE "C" NOT NULL,
    lane bytea NOT NULL,                                    -- of a partner and a person, keyed: these are done in order
    about bytea NOT NULL,                                   -- of a partner and a resource, keyed
    subject bytea NOT NULL,                                 -- which resource, and whose; sealed
    state text COLLATE "C" NOT NULL DEFAULT 'waiting',      -- waiting -> (no row: told, or nothing to tell) | withheld; withheld -> waiting (decided anew)
    tries int NOT NULL DEFAULT 0, due timestamptz NOT NULL, made timestamptz NOT NULL,
    PRIMARY KEY (tenant, intent)
);
CREATE INDEX exchange_intent_waiting ON record.exchange_intent (tenant, partner, n) WHERE state = 'waiting';
CREATE INDEX exchange_intent_lane ON record.exchange_intent (tenant, lane, n) WHERE state = 'waiting';
CREATE INDEX exchange_intent_withheld ON record.exchange_intent (tenant, n) WHERE state = 'withheld';
CREATE INDEX exchange_intent_about ON record.exchange_intent (tenant, about);

-- What a partner was last told about a resource, as far as they were shown it: from it follows which event comes next.
CREATE TABLE record.exchange_told (
    tenant int NOT NULL, about bytea NOT NULL, partner text COLLATE "C" NOT NULL,
    facts bytea NOT NULL,                                   -- sealed
    message text COLLATE "C" NOT NULL DEFAULT '',           -- the last that they accepted; '' where none was agreed for it
    at timestamptz NOT NULL,
    PRIMARY KEY (tenant, about)
);

ALTER TABLE record.exchange_message
    ADD COLUMN about bytea,                                 -- of one that goes out: as in exchange_intent
    ADD COLUMN job bytea,                                   -- of one that goes out: of what it is made again, sealed
    ADD COLUMN sent timestamptz,                            -- when it left for the first time, whether or not it arrived
    ADD COLUMN answered timestamptz;                        -- of one that came: when its application acknowledgement was made
CREATE INDEX exchange_message_leaving ON record.exchange_message (tenant, partner, seq) WHERE direction = 'out' AND state = 'received';
CREATE INDEX exchange_message_unanswered ON record.exchange_message (tenant, partner, seq) WHERE direction = 'in' AND answered IS NULL;

-- Organizations that are there already: what a partner may be shown, and who sees what was held back.
INSERT INTO record.role_rule (tenant, role, types, actions)
SELECT t.tenant, 'recipient',
    '{AllergyIntolerance,Appointment,Binary,CarePlan,CareTeam,Condition,Coverage,DiagnosticReport,DocumentReference,Encounter,EpisodeOfCare,Goal,Group,HealthcareService,Immunization,Location,Medication,MedicationRequest,MedicationStatement,Observation,Organization,Patient,Practitioner,PractitionerRole,Procedure,Provenance,ServiceRequest}'::text[],
    '{read,search,history}'::text[]
FROM record.tenant t;
INSERT INTO record.role_rule (tenant, role, types, actions)
SELECT t.tenant, 'privacy-officer', '{Exchange}'::text[], '{withheld}'::text[]
FROM record.tenant t
WHERE EXISTS (SELECT FROM record.role_rule r WHERE r.tenant = t.tenant AND r.role = 'privacy-officer' AND r.known_to = 'infinity');

REVOKE ALL ON record.exchange_intent, record.exchange_told FROM sojourn_app;

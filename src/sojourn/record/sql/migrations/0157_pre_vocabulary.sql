-- Code systems as an organization loaded them, release by release, and what partners sent that nobody has mapped. Beside the record: nothing
-- here is about anybody.

CREATE TABLE record.vocabulary_release (
    tenant int NOT NULL, release bigint GENERATED ALWAYS AS IDENTITY,
    system text COLLATE "C" NOT NULL, version text COLLATE "C" NOT NULL,
    published date, source text NOT NULL, digest bytea NOT NULL,     -- of what was loaded, so that the same is not loaded twice
    concepts int NOT NULL DEFAULT 0, maps int NOT NULL DEFAULT 0,
    state text COLLATE "C" NOT NULL,                                 -- loading -> active -> retired
    account text COLLATE "C" NOT NULL, at timestamptz NOT NULL,
    PRIMARY KEY (release)
);
CREATE UNIQUE INDEX vocabulary_release_active ON record.vocabulary_release (tenant, system) WHERE state = 'active';
CREATE INDEX vocabulary_release_known ON record.vocabulary_release (tenant, system, release);

CREATE TABLE record.vocabulary_concept (
    release bigint NOT NULL REFERENCES record.vocabulary_release ON DELETE CASCADE,
    code text COLLATE "C" NOT NULL, display text NOT NULL, active boolean NOT NULL, kind text NOT NULL,
    since date, until date, names text[] NOT NULL, replaced text[] NOT NULL,
    words tsvector NOT NULL,
    PRIMARY KEY (release, code)
);
CREATE INDEX vocabulary_concept_words ON record.vocabulary_concept USING gin (words);

CREATE TABLE record.vocabulary_edge (
    release bigint NOT NULL REFERENCES record.vocabulary_release ON DELETE CASCADE,
    parent text COLLATE "C" NOT NULL, child text COLLATE "C" NOT NULL,
    PRIMARY KEY (release, parent, child)
);
CREATE INDEX vocabulary_edge_up ON record.vocabulary_edge (release, child, parent);

CREATE TABLE record.vocabulary_map (
    release bigint NOT NULL REFERENCES record.vocabulary_release ON DELETE CASCADE,
    code text COLLATE "C" NOT NULL, target_system text COLLATE "C" NOT NULL, target text COLLATE "C" NOT NULL,
    equivalence text COLLATE "C" NOT NULL, grp int NOT NULL, priority int NOT NULL, rule text NOT NULL, advice text NOT NULL
);
CREATE INDEX vocabulary_map_from ON record.vocabulary_map (release, code);
CREATE INDEX vocabulary_map_to ON record.vocabulary_map (release, target_system, target);

-- What the organization itself says a code is in another system, with its days; it goes before what releases say.
CREATE TABLE record.vocabulary_own (
    tenant int NOT NULL,
    system text COLLATE "C" NOT NULL, code text COLLATE "C" NOT NULL, display text NOT NULL,
    target_system text COLLATE "C" NOT NULL, target text COLLATE "C" NOT NULL, target_display text NOT NULL,  -- target '': it has none
    equivalence text COLLATE "C" NOT NULL,
    account text COLLATE "C" NOT NULL, reason text NOT NULL,
    known_from timestamptz NOT NULL, known_to timestamptz NOT NULL DEFAULT 'infinity'
);
CREATE UNIQUE INDEX vocabulary_own_one ON record.vocabulary_own (tenant, system, code, target_system, target) WHERE known_to = 'infinity';
CREATE INDEX vocabulary_own_known ON record.vocabulary_own (tenant, system, code, known_from);
CREATE INDEX vocabulary_own_back ON record.vocabulary_own (tenant, target_system, target, known_from);

-- Codes of partners that no map knows, once each: what somebody maps or sets aside. No message, person or number is kept with it.
CREATE TABLE record.vocabulary_unmapped (
    tenant int NOT NULL, partner text COLLATE "C" NOT NULL,
    system text COLLATE "C" NOT NULL, code text COLLATE "C" NOT NULL, display text NOT NULL, target_system text COLLATE "C" NOT NULL,
    state text COLLATE "C" NOT NULL,                                 -- open <-> aside; removed when a map knows it
    reason text NOT NULL DEFAULT '', account text COLLATE "C" NOT NULL DEFAULT '',
    since date NOT NULL,
    PRIMARY KEY (tenant, partner, system, code, target_system)
);

-- Organizations that are there already: who loads vocabularies and keeps their maps; the clock, too.
INSERT INTO record.role_rule (tenant, role, types, actions)
SELECT t.tenant, n.role, '{Vocabulary}', '{administer}'
FROM record.tenant t CROSS JOIN (VALUES ('integration-manager'), ('administrator'), ('system')) AS n(role)
WHERE EXISTS (SELECT FROM record.role_rule r WHERE r.tenant = t.tenant AND r.role = n.role AND r.known_to = 'infinity');

REVOKE ALL ON record.vocabulary_release, record.vocabulary_concept, record.vocabulary_edge, record.vocabulary_map, record.vocabulary_own, record.vocabulary_unmapped FROM sojourn_app;

-- Labels: what their senders wrote, what people decided, by which rules, and what waits for an answer.

-- What the senders of a version wrote into meta.security, apart from what we compute. No row: they wrote nothing (or the version
-- is older than record.label_since, and it has to be worked out from what is stored).
CREATE TABLE record.label_sent (
    tenant int NOT NULL, seq bigint NOT NULL,
    codings text NOT NULL,                                  -- JSON, an array of Codings
    PRIMARY KEY (tenant, seq)
);
CREATE TABLE record.label_since (one boolean PRIMARY KEY DEFAULT true CHECK (one), seq bigint NOT NULL);
INSERT INTO record.label_since (seq) SELECT nextval('record.seq');
CREATE TYPE record.sent_row AS (op int, codings text);

-- What people decided about the label of one resource, from when and until when, and why. Nothing is overwritten.
CREATE TABLE record.label_override (
    tenant int NOT NULL, n bigint NOT NULL DEFAULT nextval('record.seq'),
    type text COLLATE "C" NOT NULL, id text COLLATE "C" NOT NULL,
    effect text COLLATE "C" NOT NULL CHECK (effect IN ('raise', 'lower')),
    codes text[] COLLATE "C" NOT NULL,                      -- of labels: 42CFRPart2, HIV, SUD ...
    bases bigint NOT NULL,                                  -- the laws among them
    reason text NOT NULL CHECK (reason <> ''),
    account text COLLATE "C" NOT NULL, role text COLLATE "C" NOT NULL,
    ended_by text COLLATE "C", ended_reason text,
    valid_from timestamptz NOT NULL, valid_to timestamptz NOT NULL DEFAULT 'infinity',
    known_from timestamptz NOT NULL, known_to timestamptz NOT NULL DEFAULT 'infinity',
    PRIMARY KEY (tenant, n)
);
CREATE INDEX label_override_resource ON record.label_override (tenant, type, id) WHERE known_to = 'infinity';

-- What an organization adds to the lists of codes that are shipped, and which subjects are under a law of its state.
CREATE TABLE record.subject_code (
    tenant int NOT NULL, n bigint NOT NULL DEFAULT nextval('record.seq'),
    system text COLLATE "C" NOT NULL, code text COLLATE "C" NOT NULL, prefix boolean NOT NULL DEFAULT false,
    tags text[] COLLATE "C" NOT NULL, source text NOT NULL, account text COLLATE "C" NOT NULL,
    valid_from timestamptz NOT NULL, valid_to timestamptz NOT NULL DEFAULT 'infinity',
    known_from timestamptz NOT NULL, known_to timestamptz NOT NULL DEFAULT 'infinity',
    PRIMARY KEY (tenant, n)
);
CREATE TABLE record.subject_law (
    tenant int NOT NULL, n bigint NOT NULL DEFAULT nextval('record.seq'),
    tag text COLLATE "C" NOT NULL, basis text COLLATE "C" NOT NULL, -- a name in gate/bases.py
    source text NOT NULL, account text COLLATE "C" NOT NULL,
    valid_from timestamptz NOT NULL, valid_to timestamptz NOT NULL DEFAULT 'infinity',
    known_from timestamptz NOT NULL, known_to timestamptz NOT NULL DEFAULT 'infinity',
    PRIMARY KEY (tenant, n)
);

-- Labelling again what is there, after the rules changed: how far, and what came of it.
CREATE TABLE record.label_job (
    tenant int NOT NULL, job bigint NOT NULL DEFAULT nextval('record.seq'),
    rules text COLLATE "C" NOT NULL,                        -- digest of the rules by which it labels
    phase text COLLATE "C" NOT NULL DEFAULT 'raise',        -- raise, lower, done
    place bigint NOT NULL DEFAULT 0,                        -- the last version looked at in this phase
    looked bigint NOT NULL DEFAULT 0, changed bigint NOT NULL DEFAULT 0,
    lowers bigint NOT NULL DEFAULT 0,                       -- versions left for the second phase
    counts jsonb NOT NULL DEFAULT '{}',
    started timestamptz NOT NULL, moved timestamptz NOT NULL, finished timestamptz,
    PRIMARY KEY (tenant, job)
);

-- Questions about what may be sensitive and has no label. The words themselves stay where they are.
CREATE TABLE record.label_question (
    tenant int NOT NULL, n bigint NOT NULL DEFAULT nextval('record.seq'),
    type text COLLATE "C" NOT NULL, id text COLLATE "C" NOT NULL, seq bigint NOT NULL, -- the version that was read
    author text COLLATE "C" NOT NULL,                       -- the account that wrote it
    codes text[] COLLATE "C" NOT NULL,                      -- the labels asked about
    why text NOT NULL,                                      -- which rule asks; no word of the record
    asked timestamptz NOT NULL,
    answer text COLLATE "C", answered_by text COLLATE "C", answered timestamptz, note text, -- label, not-sensitive, changed
    PRIMARY KEY (tenant, n)
);
CREATE INDEX label_question_open ON record.label_question (tenant, asked) WHERE answered IS NULL;
CREATE INDEX label_question_of ON record.label_question (tenant, type, id);

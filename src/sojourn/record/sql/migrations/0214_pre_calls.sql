-- Where somebody who works here is reached when they are not signed in: one number or address, proved by a code that was sent there.
CREATE TABLE record.call_place (
    tenant int NOT NULL, place text COLLATE "C" NOT NULL,
    account text COLLATE "C" NOT NULL,
    means text COLLATE "C" NOT NULL CHECK (means IN ('sms', 'email')),
    sealed text NOT NULL,                               -- the number or address, under the account; '' once it ended
    code bytea NOT NULL,                                -- a keyed hash of the code; empty once it was shown
    made timestamptz NOT NULL,
    expires timestamptz NOT NULL,                       -- of the code
    tries int NOT NULL DEFAULT 0,
    proved timestamptz,
    ended timestamptz NOT NULL DEFAULT 'infinity',
    PRIMARY KEY (tenant, place)
);
CREATE UNIQUE INDEX call_place_begun ON record.call_place (tenant, account) WHERE proved IS NULL AND ended = 'infinity';
CREATE UNIQUE INDEX call_place_proved ON record.call_place (tenant, account) WHERE proved IS NOT NULL AND ended = 'infinity';

-- Calls: who was called outside the app for what, and what came of it. It stays: when somebody was called may be asked years later.
CREATE TABLE record.call (
    tenant int NOT NULL, account text COLLATE "C" NOT NULL,
    key text COLLATE "C" NOT NULL,                      -- the same for the same person and the same new things: what a gateway knows the message by
    items text[] NOT NULL,                              -- everything that was open for them, each as it was
    about text[] NOT NULL,                              -- ids of episodes and results that these are of
    means text COLLATE "C" NOT NULL,
    begun timestamptz NOT NULL,
    next timestamptz NOT NULL,                          -- while it has no outcome: when it may be tried (again)
    tries int NOT NULL,
    outcome text COLLATE "C" NOT NULL DEFAULT '' CHECK (outcome IN ('', 'given', 'unneeded')),
    said text COLLATE "C" NOT NULL DEFAULT '',          -- what the last try came to, where it failed: later, refused
    ended timestamptz,
    PRIMARY KEY (tenant, account, key)
);
CREATE INDEX call_open ON record.call (tenant, account) WHERE outcome = '';
CREATE INDEX call_given ON record.call (tenant, account, ended) WHERE outcome = 'given';
CREATE INDEX call_about ON record.call USING gin (about);
REVOKE ALL ON record.call_place, record.call FROM sojourn_app;

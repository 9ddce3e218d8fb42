-- Subscriptions (R5 backport): who is told of what, what waits to be told, and what was told under which number. A number is given only to what the
-- receiver may see, so that those it sees run without gaps.

CREATE TABLE record.subscription (
    tenant int NOT NULL, subscription text COLLATE "C" NOT NULL,
    account text COLLATE "C" NOT NULL,
    credential bytea NOT NULL,                              -- under which each notification is decided; of no secret that anybody knows
    facts text NOT NULL,                                    -- topic, filters, endpoint and the like, as JSON (gate/subscriptions/model.py), sealed where secret
    types text[] NOT NULL,                                  -- kinds of resources that may be meant
    state text COLLATE "C" NOT NULL,                        -- requested -> active <-> error; any -> off
    reason text NOT NULL DEFAULT '',
    number bigint NOT NULL DEFAULT 0,                       -- the last that was given
    refused boolean NOT NULL DEFAULT true,                  -- whether the receiver certainly does not have what is being sent
    tries int NOT NULL DEFAULT 0, due timestamptz NOT NULL, heartbeat timestamptz NOT NULL DEFAULT 'infinity',
    runner text COLLATE "C" NOT NULL DEFAULT '', lease timestamptz NOT NULL DEFAULT '-infinity',
    begun timestamptz NOT NULL, expires timestamptz NOT NULL,
    PRIMARY KEY (tenant, subscription)
);
CREATE INDEX subscription_open ON record.subscription (due) WHERE state IN ('requested', 'active');

-- What changed and may be meant; decided when it is sent.
CREATE TABLE record.subscription_waiting (
    tenant int NOT NULL, subscription text COLLATE "C" NOT NULL, n bigint NOT NULL,
    kind text COLLATE "C" NOT NULL, type text COLLATE "C" NOT NULL, id text COLLATE "C" NOT NULL,
    PRIMARY KEY (tenant, subscription, n)
);

-- What was told, or is being told.
CREATE TABLE record.subscription_event (
    tenant int NOT NULL, subscription text COLLATE "C" NOT NULL, number bigint NOT NULL,
    kind text COLLATE "C" NOT NULL, type text COLLATE "C" NOT NULL, id text COLLATE "C" NOT NULL,
    version text COLLATE "C" NOT NULL,                      -- as the receiver sees it: what only others see makes no event
    at timestamptz NOT NULL, sent boolean NOT NULL DEFAULT false,
    PRIMARY KEY (tenant, subscription, number)
);
CREATE INDEX subscription_event_of ON record.subscription_event (tenant, subscription, type, id);

REVOKE ALL ON record.subscription, record.subscription_waiting, record.subscription_event FROM sojourn_app;

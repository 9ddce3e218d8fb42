-- What somebody asked of a partner about a client: who was found there, which documents, and how far it is. What it says is sealed
-- (gate/exchange/asking.py); it is shown to those who work in the program for which it was asked.
CREATE TABLE record.outside_ask (
    tenant int NOT NULL, ask text COLLATE "C" NOT NULL,
    partner text COLLATE "C" NOT NULL, patient text COLLATE "C" NOT NULL,
    program int NOT NULL, account text COLLATE "C" NOT NULL,
    state text COLLATE "C" NOT NULL,                        -- waiting <-> open, failed, stopped
    body text NOT NULL,                                     -- sealed
    stamp text COLLATE "C" NOT NULL,                        -- changes with every change
    made timestamptz NOT NULL, updated timestamptz NOT NULL,
    due timestamptz NOT NULL, lease timestamptz NOT NULL DEFAULT '-infinity', tries int NOT NULL DEFAULT 0,
    PRIMARY KEY (tenant, ask)
);
CREATE INDEX outside_ask_patient ON record.outside_ask (tenant, patient, made);
CREATE INDEX outside_ask_due ON record.outside_ask (tenant, due) WHERE state = 'waiting';

REVOKE ALL ON record.outside_ask FROM sojourn_app;

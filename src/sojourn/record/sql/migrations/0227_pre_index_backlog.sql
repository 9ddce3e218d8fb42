-- What was stored before there was a search parameter is indexed for it beside everything else (gate/indexagain.py). A new organization has nothing to catch up with.
CREATE TABLE record.index_backlog (
    tenant int NOT NULL,
    type text COLLATE "C" NOT NULL, name text COLLATE "C" NOT NULL,
    place bigint NOT NULL DEFAULT 0,                    -- rows of the type up to this one are done
    finished timestamptz,
    PRIMARY KEY (tenant, type, name)
);
INSERT INTO record.index_backlog (tenant, type, name) SELECT t.tenant, 'DocumentReference', 'creation' FROM record.tenant t;
REVOKE ALL ON record.index_backlog FROM sojourn_app;

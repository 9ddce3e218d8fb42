-- Revocation lists of authorities that were fetched from the addresses which their certificates name (RFC 5280, 4.2.1.13).
CREATE TABLE record.direct_list (
    tenant int NOT NULL,
    url text NOT NULL,
    body bytea NOT NULL DEFAULT '',              -- the last that was good
    until timestamptz NOT NULL DEFAULT '-infinity',  -- until when it is good, as it says itself
    asked timestamptz NOT NULL,
    good timestamptz,
    problem text NOT NULL DEFAULT '',
    PRIMARY KEY (tenant, url)
);
REVOKE ALL ON record.direct_list FROM sojourn_app;

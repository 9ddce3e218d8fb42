-- Openings of charts, counted as the trail is sealed (docs/decisions/0079-openings-counted.md): the report on unusual looking then reads counts, and
-- no line of the trail for each look. What stands here follows from the sealed lines alone and can be dropped and counted again: without a row in
-- opening_counted it is, from the first line on, which is also how the past of an organization that is there already comes in.
CREATE TABLE record.opening (
    tenant int NOT NULL,
    quarter timestamptz NOT NULL,                           -- the beginning of a quarter of an hour: every zone's clock differs from UTC by whole ones
    account text COLLATE "C" NOT NULL, patient text COLLATE "C" NOT NULL,
    role text COLLATE "C" NOT NULL,                         -- the last of those in the lines, by the alphabet
    times int NOT NULL,                                     -- lines
    witnesses bigint[] NOT NULL,                            -- of each line one version that it showed: who may see all of these may know of every line
    PRIMARY KEY (tenant, quarter, account, patient)
) WITH (fillfactor = 70);

-- Sealed lines of which not even one version was in the open: each is looked at by itself.
CREATE TABLE record.opening_apart (
    tenant int NOT NULL, recorded timestamptz NOT NULL, stamp bigint NOT NULL, n bigint NOT NULL,
    PRIMARY KEY (tenant, recorded, stamp, n)
);

-- The last line that was counted.
CREATE TABLE record.opening_counted (tenant int PRIMARY KEY, stamp bigint NOT NULL, n bigint NOT NULL);

REVOKE ALL ON record.opening, record.opening_apart, record.opening_counted FROM sojourn_app;

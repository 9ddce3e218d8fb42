-- What goes on at a time, or from some day on, is found by when it ends: the index by beginnings holds everything that ever was before it.
-- low comes with it, so that a span of time is found without opening the table.
CREATE INDEX date_until ON record.date (tenant, key, high, rid) INCLUDE (low);

-- Intervals that end before they begin, as they were written down: nearly none, and never to be missed.
CREATE INDEX date_turned ON record.date (tenant, key, rid) WHERE low >= high;

-- The texts of one parameter of a resource, for sorting by it: without looking at its other texts.
DROP INDEX record.string_of_row;
CREATE INDEX string_of_row ON record.string (tenant, rid, key);

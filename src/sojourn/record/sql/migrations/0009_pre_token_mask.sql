-- Two things that a row could not say. Both are columns with a constant default: added at once, however large the table.

-- A token that elements under several laws yield alike is found by whoever may see one of these elements. `mask` stays the union of
-- their laws (all of them are enough for certain); `also` has the laws of each, where there is more than one to choose from.
-- One row for each mask would need another primary key, which is an hour without writes on a large table; and a search that begins at
-- a token would find resources twice.
ALTER TABLE record.token ADD COLUMN also bigint[];

-- The change that made this version touched nothing but notes kept apart (45 CFR 164.501 psychotherapy notes, 42 CFR 2.11 SUD
-- counseling notes): parts labelled so, or references to such a note. For whoever may not see them it is no version at all.
ALTER TABLE record.version ADD COLUMN apart boolean NOT NULL DEFAULT false;
ALTER TABLE record.resource ADD COLUMN apart boolean NOT NULL DEFAULT false;

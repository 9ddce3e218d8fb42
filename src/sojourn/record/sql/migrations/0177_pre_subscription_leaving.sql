-- What a subscriber is being told, and the disclosure that it is: the same content sent again is the same disclosure, byte for byte.
ALTER TABLE record.subscription ADD COLUMN leaving text NOT NULL DEFAULT '';

-- How long a form is, beside its key: whoever cuts the files of an export counts bytes and needs no more of it (record/bulk.py).
ALTER TABLE record.plain_form ADD COLUMN size int GENERATED ALWAYS AS (octet_length(body)) STORED;
ALTER TABLE record.plain_form DROP CONSTRAINT plain_form_pkey;
ALTER TABLE record.plain_form ADD CONSTRAINT plain_form_pkey PRIMARY KEY (tenant, seq) INCLUDE (size);

-- Who changed where programs work, how people sign in and what an account may act as, and why: for the page that keeps them.
ALTER TABLE record.program_site ADD COLUMN author text COLLATE "C" NOT NULL DEFAULT '', ADD COLUMN reason text NOT NULL DEFAULT '';
ALTER TABLE record.sign_in_rule ADD COLUMN author text COLLATE "C" NOT NULL DEFAULT '', ADD COLUMN reason text NOT NULL DEFAULT '';
ALTER TABLE record.assignment ADD COLUMN author text COLLATE "C" NOT NULL DEFAULT '', ADD COLUMN reason text NOT NULL DEFAULT '';

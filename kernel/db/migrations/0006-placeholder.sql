-- oldest program: 1
-- Holds the number until the migration of that number is merged.
SELECT 1;

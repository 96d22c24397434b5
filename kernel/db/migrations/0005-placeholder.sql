-- oldest program: 1
-- Nothing: the number belongs to a change that is made beside this one.
SELECT 1;

-- oldest program: 1
-- The chunk that a hedge encodes a second time; null for every other task. Additive: what an older program inserts has none.
-- The kind of a hedge is its own, and its weight is 0, so that older programs count it neither as a chunk nor as progress.
ALTER TABLE tasks ADD COLUMN hedge_of text;

-- Which chunks are hedged, and which hedges are open.
CREATE INDEX tasks_hedges ON tasks (hedge_of) WHERE hedge_of IS NOT NULL;

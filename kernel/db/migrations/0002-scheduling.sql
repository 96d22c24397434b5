-- oldest program: 1
-- When a job should be done; null: whenever. Additive: what an older program inserts has none.
ALTER TABLE jobs ADD COLUMN deadline timestamptz;
ALTER TABLE tasks ADD COLUMN deadline timestamptz;

-- How much of the fleet an owner may have, compared with others; 1 where there is no row.
CREATE TABLE owner_weights (
  owner      text PRIMARY KEY,
  weight     double precision NOT NULL CHECK (weight > 0),
  updated_at timestamptz NOT NULL DEFAULT now()
);

-- The claim walks from owner to owner and region to region of one priority, and reads the longest waits of each.
CREATE INDEX tasks_queues ON tasks (lane, priority, owner, region, ready_at) WHERE status = 'ready';
-- Of one priority, those with a deadline come first.
CREATE INDEX tasks_deadlines ON tasks (lane, priority, deadline) WHERE status = 'ready' AND deadline IS NOT NULL;
-- The claim looks at the workers that may get work, among many that were there once.
CREATE INDEX workers_up ON workers (id) WHERE status IN ('healthy', 'degraded');

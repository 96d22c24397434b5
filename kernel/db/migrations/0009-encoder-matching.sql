-- oldest program: 1
-- Which workers can do which tasks. Additive: tasks that an older program inserts name no encoder, and a worker that told
-- an older program of itself has not said which encoders it has; both are given out as before.

-- The encoder of video that the task needs (libx264); empty where any will do. As bytes: the claim only steps over them.
ALTER TABLE tasks ADD COLUMN video_codec text COLLATE "C" NOT NULL DEFAULT '';

-- The encoder plugins of the worker, as the process of this session said; the claim compares keys and rarely reads the rest.
ALTER TABLE workers
  ADD COLUMN encoders         jsonb,
  ADD COLUMN encoders_key     text,
  ADD COLUMN encoders_session text;

-- The claim reads tasks by lane and encoder, so that those which a worker cannot do cost it nothing, however many wait. An
-- older program finds its order no more in these indexes: it sorts, for as long as it is there.
DROP INDEX tasks_ready;
CREATE INDEX tasks_ready ON tasks (lane, video_codec, priority, ready_at) WHERE status = 'ready';
DROP INDEX tasks_queues;
CREATE INDEX tasks_queues ON tasks (lane, video_codec, priority, owner, region, ready_at) WHERE status = 'ready';
DROP INDEX tasks_deadlines;
CREATE INDEX tasks_deadlines ON tasks (lane, video_codec, priority, deadline) WHERE status = 'ready' AND deadline IS NOT NULL;

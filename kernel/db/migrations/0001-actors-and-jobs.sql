-- The engine's tables: actors, their event log, inbox, outbox, timers and quarantined events.
CREATE TABLE actors (
  id              text PRIMARY KEY,
  type            text NOT NULL,
  machine_version int NOT NULL,
  format          text NOT NULL,
  version         bigint NOT NULL,
  status          text NOT NULL,
  snapshot        jsonb NOT NULL,
  created_at      timestamptz NOT NULL DEFAULT now(),
  updated_at      timestamptz NOT NULL DEFAULT now()
) WITH (fillfactor = 60);

-- One row per applied event; `version` is the actor's version after it. Replaying them from version 0 gives the snapshot.
-- No foreign keys here and on timers: they would be checked row by row in every batch. `deleteJobRows` deletes by hand.
CREATE TABLE event_log (
  actor_id text NOT NULL,
  version  bigint NOT NULL,
  event_id text NOT NULL,
  event    jsonb NOT NULL,
  at       timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (actor_id, version)
);

CREATE TABLE inbox (
  actor_id text NOT NULL,
  event_id text NOT NULL,
  at       timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (actor_id, event_id)
);
CREATE INDEX inbox_at ON inbox (at);

CREATE TABLE outbox (
  seq      bigint GENERATED ALWAYS AS IDENTITY,
  id       text PRIMARY KEY, -- actor:version:index
  name     text NOT NULL,
  params   jsonb NOT NULL,
  attempts int NOT NULL DEFAULT 0,
  due_at   timestamptz NOT NULL DEFAULT now(),
  at       timestamptz NOT NULL DEFAULT now()
) WITH (fillfactor = 70);
CREATE INDEX outbox_due ON outbox (due_at, seq);

CREATE TABLE timers (
  actor_id text NOT NULL,
  key      text NOT NULL,
  uid      text NOT NULL, -- version:index of the transition that set it
  fire_at  timestamptz NOT NULL,
  event    jsonb NOT NULL,
  PRIMARY KEY (actor_id, key)
);
CREATE INDEX timers_fire_at ON timers (fire_at);

-- Events and effects that failed too often. `redrive` sends them again.
CREATE TABLE dead_letters (
  id       text PRIMARY KEY, -- event id or outbox id
  kind     text NOT NULL CHECK (kind IN ('event', 'effect')),
  actor_id text,
  payload  jsonb NOT NULL,
  error    text NOT NULL,
  at       timestamptz NOT NULL DEFAULT now()
);

-- Read models, written in the transaction of the transition they show.
CREATE TABLE jobs (
  id              text PRIMARY KEY,
  user_id         text NOT NULL,
  source_type     text NOT NULL CHECK (source_type IN ('url', 'upload', 'stream', 'restream')),
  source_url      text NOT NULL,
  profile_id      text NOT NULL,
  profile         jsonb NOT NULL,
  priority        int NOT NULL DEFAULT 0,
  status          text NOT NULL CHECK (status IN ('queued', 'processing', 'stitching', 'uploading', 'completed', 'failed', 'cancelled')),
  phase           text NOT NULL,
  progress_pct    real NOT NULL DEFAULT 0,
  eta_seconds     int,
  tasks_total     int NOT NULL DEFAULT 0,
  tasks_completed int NOT NULL DEFAULT 0,
  error           jsonb,
  retry_of        text,
  plan            jsonb, -- EncodePlan without chunks
  outputs         jsonb NOT NULL DEFAULT '[]',
  report          jsonb,
  correlation_id  text NOT NULL DEFAULT '',
  created_at      timestamptz NOT NULL DEFAULT now(),
  updated_at      timestamptz NOT NULL DEFAULT now(),
  started_at      timestamptz,
  finished_at     timestamptz
) WITH (fillfactor = 70);
CREATE INDEX jobs_created ON jobs (created_at DESC, id DESC);
CREATE INDEX jobs_status_created ON jobs (status, created_at DESC, id DESC);
-- For the figures of the last 24 hours.
CREATE INDEX jobs_finished ON jobs (finished_at) WHERE finished_at IS NOT NULL;
CREATE INDEX jobs_user_created ON jobs (user_id, created_at DESC, id DESC);
CREATE INDEX jobs_open ON jobs (created_at) WHERE status NOT IN ('completed', 'failed', 'cancelled');

CREATE TABLE tasks (
  id                 text PRIMARY KEY,
  job_id             text NOT NULL REFERENCES jobs(id) ON DELETE CASCADE,
  kind               text NOT NULL,
  sequence_index     int NOT NULL,
  params             jsonb NOT NULL,
  start_time_sec     double precision NOT NULL DEFAULT 0,
  end_time_sec       double precision NOT NULL DEFAULT 0,
  weight             double precision NOT NULL DEFAULT 1, -- share of the job's work, for progress
  status             text NOT NULL,
  lane               text NOT NULL,
  region             text NOT NULL,
  priority           int NOT NULL DEFAULT 0,
  owner              text NOT NULL,
  attempt_count      int NOT NULL DEFAULT 0,
  max_attempts       int NOT NULL DEFAULT 3,
  avoid_worker_id    text, -- after running out of memory: another worker, if there is one
  assigned_worker_id text,
  lease_token        text,
  lease_until        timestamptz,
  progress           real NOT NULL DEFAULT 0,
  fps                real,
  speed              real,
  result             jsonb,
  output_key         text,
  output_size_bytes  bigint,
  error              jsonb,
  ready_at           timestamptz NOT NULL DEFAULT now(),
  started_at         timestamptz,
  finished_at        timestamptz
) WITH (fillfactor = 60);
CREATE INDEX tasks_job ON tasks (job_id, kind, sequence_index);
-- The claim reads ready tasks in this order.
CREATE INDEX tasks_ready ON tasks (lane, priority DESC, ready_at) WHERE status = 'ready';
-- It also looks at those that waited longest, and the reconciler at all of them.
CREATE INDEX tasks_waiting ON tasks (lane, ready_at) WHERE status = 'ready';
-- Fairness: how many tasks run for each owner.
CREATE INDEX tasks_running ON tasks (owner) WHERE status = 'running';
-- The sweeper looks for leases that ran out.
CREATE INDEX tasks_leases ON tasks (lease_until) WHERE lease_until IS NOT NULL;
CREATE INDEX tasks_worker ON tasks (assigned_worker_id) WHERE lease_until IS NOT NULL;

CREATE TABLE workers (
  id             text PRIMARY KEY,
  session        text NOT NULL,
  hostname       text NOT NULL,
  region         text NOT NULL,
  version        text NOT NULL,
  capabilities   jsonb NOT NULL,
  status         text NOT NULL,
  is_healthy     boolean NOT NULL DEFAULT true,
  cpu_percent    real,
  memory_bytes   bigint,
  last_heartbeat timestamptz NOT NULL DEFAULT now(),
  created_at     timestamptz NOT NULL DEFAULT now()
);

-- Sign-in sessions. Only a hash of the cookie is kept.
CREATE TABLE sessions (
  id_hash    text PRIMARY KEY,
  user_id    text NOT NULL,
  username   text NOT NULL,
  role       text NOT NULL,
  csrf_token text NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  expires_at timestamptz NOT NULL
);
CREATE INDEX sessions_expires ON sessions (expires_at);

-- One row per Idempotency-Key of a user, for a day.
CREATE TABLE idempotency_keys (
  user_id      text NOT NULL,
  key          text NOT NULL,
  request_hash text NOT NULL,
  job_id       text NOT NULL,
  at           timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (user_id, key)
);

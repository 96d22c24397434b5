-- oldest program: 1
-- Who may join, and what workers were told to do.
ALTER TABLE workers
  ADD COLUMN command text NOT NULL DEFAULT 'work',
  ADD COLUMN session_started_at timestamptz NOT NULL DEFAULT now();

-- One-time tokens with which new workers join. Only their hashes are kept.
CREATE TABLE join_tokens (
  id           text PRIMARY KEY,
  token_hash   text NOT NULL UNIQUE,
  created_by   text NOT NULL,
  created_at   timestamptz NOT NULL DEFAULT now(),
  expires_at   timestamptz NOT NULL,
  used_at      timestamptz,
  used_by      text, -- worker id
  used_session text -- this process may ask again: the answer to its first question may have been lost
);

-- What each worker shows when it joins again: one credential a worker, only as a hash.
CREATE TABLE worker_credentials (
  worker_id       text PRIMARY KEY,
  credential_hash text NOT NULL,
  created_at      timestamptz NOT NULL DEFAULT now(),
  revoked_at      timestamptz
);
CREATE INDEX worker_credentials_revoked ON worker_credentials (revoked_at) WHERE revoked_at IS NOT NULL;

-- The page of a worker shows what it did last.
CREATE INDEX tasks_worker_finished ON tasks (assigned_worker_id, finished_at DESC) WHERE finished_at IS NOT NULL;

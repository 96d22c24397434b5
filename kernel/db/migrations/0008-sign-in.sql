-- oldest program: 1
-- Sessions that began elsewhere, and where people sit who have them.
ALTER TABLE sessions
  ADD COLUMN provider_session text, -- the session at the identity provider
  ADD COLUMN sealed           text, -- its tokens, encrypted under the value of the cookie, which is kept nowhere
  ADD COLUMN checked_at       timestamptz NOT NULL DEFAULT now(),
  ADD COLUMN renewed_at       timestamptz NOT NULL DEFAULT now(),
  ADD COLUMN client_ip        text NOT NULL DEFAULT '',
  ADD COLUMN user_agent       text NOT NULL DEFAULT '';
CREATE INDEX sessions_user ON sessions (user_id);
CREATE INDEX sessions_provider_session ON sessions (provider_session) WHERE provider_session IS NOT NULL;

-- Everybody who ever signed in, as they were the last time.
CREATE TABLE known_users (
  user_id       text PRIMARY KEY,
  username      text NOT NULL,
  email         text NOT NULL,
  role          text NOT NULL,
  first_seen_at timestamptz NOT NULL DEFAULT now(),
  last_login_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX known_users_name ON known_users (username);

-- Tokens that people made for their programs. Only hashes are kept.
CREATE TABLE api_tokens (
  id           text PRIMARY KEY,
  token_hash   text NOT NULL UNIQUE,
  user_id      text NOT NULL,
  username     text NOT NULL,
  name         text NOT NULL,
  role         text NOT NULL, -- at most this; less when their user has less
  created_at   timestamptz NOT NULL DEFAULT now(),
  expires_at   timestamptz,   -- null: does not expire
  last_used_at timestamptz
);
CREATE INDEX api_tokens_user ON api_tokens (user_id, created_at DESC);

-- Tokens of identity providers that were issued before this moment are refused: 'user:…' or 'session:…'.
CREATE TABLE token_revocations (
  subject text PRIMARY KEY,
  before  timestamptz NOT NULL
);

-- Wrong passwords in a row: 'account:…' (a hash of the name) or 'address:…'.
CREATE TABLE sign_in_failures (
  subject      text PRIMARY KEY,
  failures     int NOT NULL,
  last_at      timestamptz NOT NULL DEFAULT now(),
  locked_until timestamptz
);
CREATE INDEX sign_in_failures_last ON sign_in_failures (last_at);

-- Browsers that were sent to an identity provider and are not back yet.
CREATE TABLE redirect_sign_ins (
  state_hash text PRIMARY KEY,
  sealed     text NOT NULL, -- encrypted under a cookie of that browser
  next       text NOT NULL,
  expires_at timestamptz NOT NULL
);
CREATE INDEX redirect_sign_ins_expires ON redirect_sign_ins (expires_at);

-- Logout notices that were taken: each works once.
CREATE TABLE logout_notices (
  id         text PRIMARY KEY,
  expires_at timestamptz NOT NULL
);

-- oldest program: 1
-- What admins want of each plugin. Secrets are references to them, never themselves.
CREATE TABLE plugin_configs (
  id              varchar(100) PRIMARY KEY,
  plugin_type     varchar(50) NOT NULL,
  config_json     jsonb NOT NULL DEFAULT '{}',
  is_enabled      boolean NOT NULL DEFAULT true,
  priority        int NOT NULL DEFAULT 0,
  version         text, -- null: the one in PLUGIN_DIR
  revision        int NOT NULL DEFAULT 1, -- grows with every change that its processes must follow
  config_revision int NOT NULL DEFAULT 1, -- grows with every change that needs new processes
  updated_by      text NOT NULL DEFAULT '',
  created_at      timestamptz NOT NULL DEFAULT now(),
  updated_at      timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX idx_plugin_configs_type ON plugin_configs (plugin_type);

-- Each plugin in each kernel, as its actor shows it, and as its kernel measured it last.
CREATE TABLE plugin_instances (
  actor_id     text PRIMARY KEY,
  plugin_id    text NOT NULL,
  kernel_id    text NOT NULL,
  pillar       text NOT NULL,
  state        text NOT NULL,
  version      text NOT NULL,
  revision     int NOT NULL,
  run          int NOT NULL,
  restarts     int NOT NULL,
  problem      text,
  disabled_by  text,
  upgrade      jsonb NOT NULL,
  processes    jsonb NOT NULL,
  state_since  timestamptz NOT NULL DEFAULT now(),
  started_at   timestamptz, -- of the run that serves
  stats        jsonb, -- null: it was not measured yet
  seen_at      timestamptz NOT NULL DEFAULT now() -- when its kernel looked after it last
);
CREATE INDEX plugin_instances_kernel ON plugin_instances (kernel_id);

-- Which plugin takes what.
CREATE TABLE plugin_routes (
  pillar     text NOT NULL,
  position   int NOT NULL,
  matches    text NOT NULL,
  gpu        boolean NOT NULL DEFAULT false,
  plugin_id  text NOT NULL,
  priority   int NOT NULL DEFAULT 0,
  PRIMARY KEY (pillar, position)
);

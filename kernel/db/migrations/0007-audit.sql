-- oldest program: 1
-- What people did and what happened by itself. Rows are added and never changed; only their time ends them.
CREATE TABLE audit_events (
  id             text PRIMARY KEY, -- of a system event: actor:version:index of the effect that told of it
  at             timestamptz NOT NULL DEFAULT now(),
  kind           text NOT NULL CHECK (kind IN ('user_action', 'system')),
  action         text NOT NULL, -- job.create
  actor_id       text, -- user id
  actor_name     text,
  actor_role     text,
  client_ip      text,
  resource_type  text,
  resource_id    text,
  outcome        text NOT NULL CHECK (outcome IN ('allowed', 'refused', 'failed')),
  correlation_id text NOT NULL DEFAULT '',
  detail         jsonb NOT NULL DEFAULT '{}' CHECK (octet_length(detail::text) <= 8192)
);
-- The list is read from its end, whole or of one actor, action or resource.
CREATE INDEX audit_events_at ON audit_events (at DESC, id DESC);
CREATE INDEX audit_events_actor ON audit_events (actor_id, at DESC, id DESC) WHERE actor_id IS NOT NULL;
CREATE INDEX audit_events_action ON audit_events (action, at DESC, id DESC);
CREATE INDEX audit_events_resource ON audit_events (resource_id, at DESC, id DESC) WHERE resource_id IS NOT NULL;

-- Events that the bus has not acknowledged yet.
CREATE TABLE audit_outbox (
  id       text PRIMARY KEY,
  attempts int NOT NULL DEFAULT 0,
  due_at   timestamptz NOT NULL DEFAULT now()
) WITH (fillfactor = 70);
CREATE INDEX audit_outbox_due ON audit_outbox (due_at, id);

-- Whoever adds an event, the bus gets it: one statement for all rows of an INSERT.
CREATE FUNCTION queue_audit_events() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO audit_outbox (id) SELECT id FROM added;
  RETURN NULL;
END
$$;
CREATE TRIGGER audit_events_queue
  AFTER INSERT ON audit_events
  REFERENCING NEW TABLE AS added
  FOR EACH STATEMENT EXECUTE FUNCTION queue_audit_events();

CREATE FUNCTION refuse_audit_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'DELETE' AND current_setting('webencode.audit_pruning', true) = 'on' THEN
    RETURN NULL;
  END IF;
  RAISE EXCEPTION 'Cannot % audit_events: its rows may only be added, and deleted by prune_audit_events', TG_OP
    USING ERRCODE = 'restrict_violation';
END
$$;
CREATE TRIGGER audit_events_append_only
  BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_events
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_audit_change();

-- Deletes up to `most` of the oldest events that are older than so many days, and says how many.
CREATE FUNCTION prune_audit_events(keep_days int, most int) RETURNS int LANGUAGE plpgsql AS $$
DECLARE
  gone int;
BEGIN
  IF keep_days < 1 THEN
    RAISE EXCEPTION 'Cannot prune audit_events: keep_days must be at least 1, and it is %', keep_days
      USING ERRCODE = 'invalid_parameter_value';
  END IF;
  PERFORM set_config('webencode.audit_pruning', 'on', true);
  WITH old AS (
    SELECT id
    FROM audit_events
    WHERE at < now() - make_interval(days => keep_days)
    ORDER BY at, id
    LIMIT most
  ),
    unsent AS (DELETE FROM audit_outbox o USING old WHERE o.id = old.id)
  DELETE FROM audit_events e USING old WHERE e.id = old.id;
  GET DIAGNOSTICS gone = ROW_COUNT;
  PERFORM set_config('webencode.audit_pruning', 'off', true);
  RETURN gone;
END
$$;

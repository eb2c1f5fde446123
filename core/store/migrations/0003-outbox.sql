-- What follows a commit, after the relay has taken it from the outbox: webhooks, pushes, the badge service.

-- Rows live for milliseconds; vacuum by number, not by share. Rows that nothing can be made of have shard -1.
ALTER TABLE outbox SET (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000);

-- A queue is the unit that workers claim, so that a room's deliveries keep their order. A queue is not looked at
-- before next_at, which is also how long a claim holds; whoever claimed it last has its lease.
CREATE TABLE webhook_queues (
  app text NOT NULL,
  room_id text NOT NULL,
  target text NOT NULL CHECK (target IN ('room', 'app')),
  -- Moves with every delivery that is added: an empty queue is deleted only if nothing came meanwhile.
  version bigint NOT NULL DEFAULT 1,
  lease bigint NOT NULL DEFAULT 0,
  next_at timestamptz NOT NULL,
  PRIMARY KEY (app, room_id, target)
);
CREATE INDEX webhook_queues_due ON webhook_queues (next_at);

CREATE TABLE webhook_deliveries (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  app text NOT NULL,
  room_id text NOT NULL,
  target text NOT NULL,
  -- The same for every attempt.
  event_id text NOT NULL,
  event text NOT NULL,
  -- As it is sent and signed, to the byte.
  body text NOT NULL,
  attempts integer NOT NULL DEFAULT 0,
  created_at timestamptz NOT NULL,
  -- Tried until then, and once at least.
  expires_at timestamptz NOT NULL,
  last_reason text,
  dead_at timestamptz,
  UNIQUE (app, room_id, target, event_id)
);
CREATE INDEX webhook_deliveries_waiting ON webhook_deliveries (app, room_id, target, id) WHERE dead_at IS NULL;
CREATE INDEX webhook_deliveries_dead ON webhook_deliveries (app, id) WHERE dead_at IS NOT NULL;

-- A secret is made from its salt and the deployment's own secret; the table alone reveals none.
CREATE TABLE webhook_secrets (
  app text NOT NULL REFERENCES apps (id),
  id text NOT NULL,
  salt text NOT NULL,
  created_at timestamptz NOT NULL,
  PRIMARY KEY (app, id)
);

CREATE TABLE push_subscriptions (
  app text NOT NULL,
  type text NOT NULL CHECK (type IN ('ios', 'ios-voip', 'android', 'fcm', 'web')),
  token text NOT NULL,
  id text NOT NULL,
  user_id text NOT NULL,
  device_id text,
  created_at timestamptz NOT NULL,
  updated_at timestamptz NOT NULL,
  -- A device's token is its last user's alone.
  PRIMARY KEY (app, type, token),
  CONSTRAINT push_subscriptions_user FOREIGN KEY (app, user_id) REFERENCES users (app, id) ON DELETE CASCADE
);
CREATE INDEX push_subscriptions_of_user ON push_subscriptions (app, user_id);

CREATE TABLE push_jobs (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  app text NOT NULL,
  work json NOT NULL,
  -- Users up to this id have been served.
  served_to text NOT NULL DEFAULT '',
  attempts integer NOT NULL DEFAULT 0,
  created_at timestamptz NOT NULL,
  next_at timestamptz NOT NULL
);
CREATE INDEX push_jobs_due ON push_jobs (next_at);

-- Users whose unread total the badge service has yet to hear.
CREATE TABLE badge_dues (
  app text NOT NULL,
  user_id text NOT NULL,
  claimed boolean NOT NULL DEFAULT false,
  -- Moves when the total changes while it is being told.
  version bigint NOT NULL DEFAULT 1,
  attempts integer NOT NULL DEFAULT 0,
  next_at timestamptz NOT NULL,
  PRIMARY KEY (app, user_id)
);
CREATE INDEX badge_dues_due ON badge_dues (next_at);

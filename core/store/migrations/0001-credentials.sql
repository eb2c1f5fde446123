-- Apps, keys, users, tokens, and the feed of credential changes. Secrets are kept as digests only.

CREATE TABLE apps (
  id text PRIMARY KEY,
  settings jsonb NOT NULL DEFAULT '{}',
  created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE platform_keys (
  digest text PRIMARY KEY,
  app text NOT NULL REFERENCES apps (id),
  -- The first characters of the secret, so that people can tell their keys apart.
  prefix text NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  not_before timestamptz,
  expires_at timestamptz,
  revoked_at timestamptz,
  last_used_at timestamptz
);
CREATE INDEX platform_keys_app ON platform_keys (app);

CREATE TABLE client_keys (
  digest text PRIMARY KEY,
  app text NOT NULL REFERENCES apps (id),
  prefix text NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  not_before timestamptz,
  expires_at timestamptz,
  revoked_at timestamptz,
  last_used_at timestamptz
);
CREATE INDEX client_keys_app ON client_keys (app);

CREATE TABLE users (
  app text NOT NULL REFERENCES apps (id),
  id text NOT NULL,
  nickname text,
  avatar_url text,
  email text,
  description text,
  public_key text,
  client_type text NOT NULL DEFAULT 'user' CHECK (client_type IN ('user', 'group')),
  is_robot boolean NOT NULL DEFAULT false,
  notification_enabled boolean NOT NULL DEFAULT true,
  muted_room_ids text[] NOT NULL DEFAULT '{}',
  custom jsonb NOT NULL DEFAULT '{}',
  address jsonb,
  user_agent text,
  last_login_at timestamptz,
  last_active_at timestamptz,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  disabled_at timestamptz,
  PRIMARY KEY (app, id)
);

CREATE TABLE tokens (
  digest text PRIMARY KEY,
  app text NOT NULL,
  user_id text NOT NULL,
  device_id text,
  -- Made by us, or bound by the customer.
  issued boolean NOT NULL,
  created_at timestamptz NOT NULL,
  updated_at timestamptz NOT NULL,
  expires_at timestamptz NOT NULL,
  revoked_at timestamptz,
  CONSTRAINT tokens_user FOREIGN KEY (app, user_id) REFERENCES users (app, id) ON DELETE CASCADE
);
CREATE INDEX tokens_of_user ON tokens (app, user_id);

-- One row: the position of the last change. Its row lock is held from a change's UPDATE to its commit, which is
-- what makes positions dense and their order the order of commits.
CREATE TABLE feed (
  single boolean PRIMARY KEY DEFAULT true CHECK (single),
  position bigint NOT NULL
);
INSERT INTO feed (position) VALUES (0);

CREATE TABLE credential_changes (
  position bigint PRIMARY KEY,
  app text NOT NULL,
  subject text NOT NULL CHECK (subject IN ('credential', 'user', 'app')),
  effect text NOT NULL CHECK (effect IN ('granted', 'revoked', 'changed')),
  credential_kind text CHECK (credential_kind IN ('client-token', 'platform-key', 'client-key')),
  credential_id text,
  user_id text,
  at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX credential_changes_at ON credential_changes (at);

-- Every change goes through these, in the statement that makes the change. Call them last: until the commit
-- nobody else can change a credential.
CREATE FUNCTION record_change(app text, subject text, effect text, kind text, credential_id text, user_id text)
RETURNS bigint LANGUAGE sql VOLATILE AS $$
  WITH step AS (UPDATE feed SET position = position + 1 RETURNING position)
  INSERT INTO credential_changes (position, app, subject, effect, credential_kind, credential_id, user_id)
  SELECT step.position, $1, $2, $3, $4, $5, $6 FROM step
  RETURNING position
$$;

CREATE FUNCTION record_credential(app text, effect text, kind text, credential_id text)
RETURNS bigint LANGUAGE sql VOLATILE AS $$
  SELECT record_change($1, 'credential', $2, $3, $4, NULL)
$$;

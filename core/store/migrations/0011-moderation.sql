-- Groups of users, blocks, an app's own configuration, and what operators count.

-- A group is a user of client_type 'group'. Where it is a member of a room, each of its users has a row of their own
-- in members, so that everything that asks who is inside asks one table.
CREATE TABLE group_members (
  app text NOT NULL,
  group_id text NOT NULL,
  user_id text NOT NULL,
  place integer NOT NULL,
  PRIMARY KEY (app, group_id, user_id),
  CONSTRAINT group_members_group FOREIGN KEY (app, group_id) REFERENCES users (app, id) ON DELETE CASCADE,
  CONSTRAINT group_members_user FOREIGN KEY (app, user_id) REFERENCES users (app, id) ON DELETE CASCADE
);
CREATE INDEX group_members_of_user ON group_members (app, user_id);
CREATE INDEX users_groups ON users (app, id) WHERE client_type = 'group';
CREATE INDEX users_by_creation ON users (app, created_at DESC, id);

-- False: inside by a group alone.
ALTER TABLE members ADD COLUMN direct boolean NOT NULL DEFAULT true;
CREATE INDEX members_by_group ON members (app, room_id) WHERE NOT direct;
-- Those of the members that are groups.
ALTER TABLE rooms ADD COLUMN group_ids text[] NOT NULL DEFAULT '{}';

-- Who may not speak in a room. In a direct room a block silences both.
CREATE TABLE blocks (
  app text NOT NULL,
  room_id text NOT NULL,
  blockee_id text NOT NULL,
  blocker_id text,
  created_at timestamptz NOT NULL,
  updated_at timestamptz NOT NULL,
  PRIMARY KEY (app, room_id, blockee_id)
);
CREATE INDEX blocks_by_blocker ON blocks (app, blocker_id);

CREATE TABLE app_config (
  app text NOT NULL REFERENCES apps (id),
  key text NOT NULL,
  content json NOT NULL,
  updated_at timestamptz NOT NULL,
  PRIMARY KEY (app, key)
);

-- The core that inserts the hour reports it.
CREATE TABLE usage_reports (
  hour timestamptz PRIMARY KEY
);

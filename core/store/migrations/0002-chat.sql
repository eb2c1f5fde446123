-- Rooms, members, messages and what hangs on them. Lock order everywhere: the room's row, then its members.

CREATE TABLE rooms (
  app text NOT NULL REFERENCES apps (id),
  id text NOT NULL,
  room_type text NOT NULL CHECK (room_type IN ('direct', 'group', 'custom')),
  name text,
  cover text,
  description text,
  owner_id text,
  manager_ids text[] NOT NULL DEFAULT '{}',
  -- The two of a direct room, sorted: how their room is found whatever its id.
  pair text[],
  status smallint NOT NULL DEFAULT 1 CHECK (status IN (0, 1)),
  opening smallint NOT NULL DEFAULT 1 CHECK (opening IN (0, 1)),
  room_tags text[] NOT NULL DEFAULT '{}',
  webhook text,
  bot_mode boolean,
  bot_state text,
  encrypted boolean NOT NULL DEFAULT false,
  ext_params text,
  member_count integer NOT NULL DEFAULT 0,
  last_seq bigint NOT NULL DEFAULT 0,
  -- How many of the messages count as unread; system messages do not. Unread = counted - a member's read_counted.
  counted bigint NOT NULL DEFAULT 0,
  -- Position of the last change of a message that was there already.
  ev_seq bigint NOT NULL DEFAULT 0,
  message_count bigint NOT NULL DEFAULT 0,
  last_message_seq bigint,
  -- Never goes back, so messages' created_at has the order of their seq.
  active_at timestamptz NOT NULL,
  -- When the members' sort_at were last brought up to active_at.
  bumped_at timestamptz NOT NULL,
  created_at timestamptz NOT NULL,
  updated_at timestamptz NOT NULL,
  PRIMARY KEY (app, id)
) WITH (fillfactor = 70);
CREATE INDEX rooms_of_pair ON rooms (app, pair) WHERE pair IS NOT NULL;
CREATE INDEX rooms_by_creation ON rooms (app, created_at);

CREATE TABLE members (
  app text NOT NULL,
  room_id text NOT NULL,
  user_id text NOT NULL,
  role text NOT NULL DEFAULT 'member' CHECK (role IN ('member', 'admin')),
  joined_seq bigint NOT NULL,
  joined_at timestamptz NOT NULL,
  -- The most frequent write: none of the following four may stand in an index.
  read_seq bigint NOT NULL,
  read_counted bigint NOT NULL,
  read_message_id text,
  mentioned_seq bigint NOT NULL DEFAULT 0,
  properties json NOT NULL DEFAULT '{}',
  -- active_at of the room, at most a second late; 'infinity' where the room is too large to keep that up and
  -- is always looked at; '-infinity' where it is frozen and not listed.
  sort_at timestamptz NOT NULL,
  PRIMARY KEY (app, room_id, user_id)
) WITH (fillfactor = 70);
CREATE INDEX members_by_recency ON members (app, user_id, sort_at DESC, room_id);

CREATE TABLE messages (
  app text NOT NULL,
  room_id text NOT NULL,
  seq bigint NOT NULL,
  -- rooms.counted as it was when this message had been added.
  counted bigint NOT NULL,
  id text NOT NULL,
  sender_id text,
  client_message_id text,
  message_type text NOT NULL,
  -- json, not jsonb: what came in goes out, key order and \u0000 included.
  message json,
  fields json NOT NULL DEFAULT '{}',
  reply_id text,
  ev_seq bigint NOT NULL DEFAULT 0,
  created_at timestamptz NOT NULL,
  updated_at timestamptz NOT NULL,
  edited_at timestamptz,
  PRIMARY KEY (app, room_id, seq)
) PARTITION BY HASH (app, room_id);
DO $$
BEGIN
  FOR part IN 0..15 LOOP
    EXECUTE format(
      'CREATE TABLE messages_%s PARTITION OF messages FOR VALUES WITH (MODULUS 16, REMAINDER %s)', part, part);
  END LOOP;
END
$$;
CREATE UNIQUE INDEX messages_by_id ON messages (app, id, room_id);
CREATE UNIQUE INDEX messages_by_client_id ON messages (app, room_id, sender_id, client_message_id)
  NULLS NOT DISTINCT WHERE client_message_id IS NOT NULL;
CREATE INDEX messages_by_change ON messages (app, room_id, updated_at, seq);

CREATE TABLE reactions (
  app text NOT NULL,
  room_id text NOT NULL,
  message_id text NOT NULL,
  user_id text NOT NULL,
  reaction text NOT NULL,
  created_at timestamptz NOT NULL,
  PRIMARY KEY (app, room_id, message_id, user_id, reaction)
);

-- Edits, recalls, reactions and deletions, in the order of their commits.
CREATE TABLE room_events (
  app text NOT NULL,
  room_id text NOT NULL,
  ev_seq bigint NOT NULL,
  kind text NOT NULL CHECK (kind IN ('edited', 'recalled', 'reacted', 'deleted')),
  message_id text NOT NULL,
  at timestamptz NOT NULL,
  PRIMARY KEY (app, room_id, ev_seq)
);

CREATE TABLE user_deletions (
  app text NOT NULL,
  user_id text NOT NULL,
  room_id text NOT NULL,
  message_id text NOT NULL,
  created_at timestamptz NOT NULL,
  updated_at timestamptz NOT NULL,
  PRIMARY KEY (app, user_id, room_id, message_id)
);

CREATE TABLE room_prefs (
  app text NOT NULL,
  user_id text NOT NULL,
  room_id text NOT NULL,
  tags text[] NOT NULL DEFAULT '{}',
  tag_colors jsonb NOT NULL DEFAULT '{}',
  folder text,
  muted boolean NOT NULL DEFAULT false,
  sticky boolean NOT NULL DEFAULT false,
  hidden boolean NOT NULL DEFAULT false,
  translation boolean NOT NULL DEFAULT true,
  quitted_at timestamptz,
  updated_at timestamptz NOT NULL,
  PRIMARY KEY (app, user_id, room_id)
);

CREATE TABLE user_prefs (
  app text NOT NULL,
  user_id text NOT NULL,
  key text NOT NULL,
  content json NOT NULL,
  updated_at timestamptz NOT NULL,
  PRIMARY KEY (app, user_id, key)
);

CREATE TABLE invitations (
  app text NOT NULL,
  room_id text NOT NULL,
  invitee_id text NOT NULL,
  inviter_id text,
  created_at timestamptz NOT NULL,
  updated_at timestamptz NOT NULL,
  PRIMARY KEY (app, room_id, invitee_id)
);
CREATE INDEX invitations_of_invitee ON invitations (app, invitee_id);

-- What must follow a commit: taken per shard in the order of position, deleted when it is done.
CREATE TABLE outbox (
  shard smallint NOT NULL,
  position bigint GENERATED ALWAYS AS IDENTITY,
  topic text NOT NULL,
  app text NOT NULL,
  room_id text NOT NULL,
  payload jsonb NOT NULL,
  created_at timestamptz NOT NULL,
  PRIMARY KEY (shard, position)
);

-- What hangs on messages: flags, tombstones, the search index, batches; files and stickers.

ALTER TABLE messages
  ADD COLUMN hidden boolean NOT NULL DEFAULT false,
  ADD COLUMN pinned_at timestamptz,
  -- Hashes of the searchable text's bigrams, salted with app and room: a search reads one room's entries alone.
  ADD COLUMN grams integer[];
CREATE INDEX messages_by_gram ON messages USING gin (grams);
CREATE INDEX messages_pinned ON messages (app, room_id, pinned_at) WHERE pinned_at IS NOT NULL;

ALTER TABLE room_events
  DROP CONSTRAINT room_events_kind_check,
  ADD CONSTRAINT room_events_kind_check
    CHECK (kind IN ('edited', 'recalled', 'reacted', 'deleted', 'pinned', 'hidden'));

-- Where deleted messages were, for cursors that point at them.
CREATE TABLE deleted_messages (
  app text NOT NULL,
  room_id text NOT NULL,
  message_id text NOT NULL,
  seq bigint NOT NULL,
  updated_at timestamptz NOT NULL,
  deleted_at timestamptz NOT NULL,
  PRIMARY KEY (app, room_id, message_id)
);

-- A user who cleared a room has deleted for themselves every message up to seq.
CREATE TABLE user_clearings (
  app text NOT NULL,
  user_id text NOT NULL,
  room_id text NOT NULL,
  seq bigint NOT NULL,
  cleared_at timestamptz NOT NULL,
  PRIMARY KEY (app, user_id, room_id)
);

CREATE TABLE message_batches (
  app text NOT NULL,
  id text NOT NULL,
  -- Who sends, and the message before its patterns are replaced.
  job json NOT NULL,
  created_at timestamptz NOT NULL,
  -- Not looked at before then, which is also how long a claim holds; null when every part is done.
  next_at timestamptz,
  PRIMARY KEY (app, id)
);
CREATE INDEX message_batches_due ON message_batches (next_at) WHERE next_at IS NOT NULL;

CREATE TABLE message_batch_parts (
  app text NOT NULL,
  batch_id text NOT NULL,
  place integer NOT NULL,
  -- room or receiver, and what its patterns become.
  part json NOT NULL,
  room_id text,
  message_id text,
  refused text,
  PRIMARY KEY (app, batch_id, place),
  FOREIGN KEY (app, batch_id) REFERENCES message_batches (app, id) ON DELETE CASCADE
);

CREATE TABLE files (
  -- Not to be guessed, and one of a kind in the deployment.
  id text PRIMARY KEY,
  app text NOT NULL REFERENCES apps (id),
  bucket text NOT NULL,
  filename text NOT NULL,
  media_type text NOT NULL,
  user_id text,
  extra json,
  tags text[] NOT NULL DEFAULT '{}',
  -- For its user and its rooms alone, even after the last of those rooms is gone; else for the whole app.
  restricted boolean NOT NULL DEFAULT false,
  created_at timestamptz NOT NULL,
  -- The following three are known when its bytes are all there.
  length bigint,
  md5 text,
  stored_at timestamptz
);
CREATE INDEX files_unfinished ON files (created_at) WHERE stored_at IS NULL;
CREATE INDEX files_of_user ON files (app, user_id, created_at);

-- Rooms whose members may read a restricted file.
CREATE TABLE file_rooms (
  app text NOT NULL,
  file_id text NOT NULL REFERENCES files (id) ON DELETE CASCADE,
  room_id text NOT NULL,
  PRIMARY KEY (file_id, room_id)
);

CREATE TABLE sticker_sets (
  app text NOT NULL REFERENCES apps (id),
  id text NOT NULL,
  name text NOT NULL,
  place integer NOT NULL,
  -- Names within the set to file ids: the zip itself, tab.png, 01.png and so on.
  files json NOT NULL,
  created_at timestamptz NOT NULL,
  updated_at timestamptz NOT NULL,
  PRIMARY KEY (app, id)
);

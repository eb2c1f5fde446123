-- What customers keep with a room and this server does nothing about; and when a user last made or joined a room.

ALTER TABLE rooms
  ADD COLUMN service_status integer,
  ADD COLUMN assign_to text,
  ADD COLUMN ref_room text,
  ADD COLUMN is_public boolean;

ALTER TABLE users
  ADD COLUMN last_room_at timestamptz;

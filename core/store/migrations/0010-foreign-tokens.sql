-- Tokens that an app's own authentication vouches for are no rows here. What was issued before this time is refused.
ALTER TABLE users ADD COLUMN tokens_revoked_at timestamptz;

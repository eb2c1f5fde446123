/** Everything that authentication counts: a closed set, so that it can label a metric as it is. */
export type AuthnEvent =
  | 'cache-hit'
  /** Served from the cache while the feed was behind, but not for long. */
  | 'cache-hit-behind'
  | 'cache-negative-hit'
  /** In the cache, but the feed has been behind for too long to believe it. */
  | 'cache-stale'
  | 'lookup-joined'
  /** Too many different credentials were being looked up at once. */
  | 'lookup-refused'
  /** Too many lookups from one address found nothing. */
  | 'lookup-limited'
  | 'redis-hit'
  | 'redis-miss'
  /** Redis had not seen every change that this gateway knows of. */
  | 'redis-behind'
  | 'redis-malformed'
  /** The entry has secrets, so that only the core tells it. */
  | 'redis-withheld'
  | 'redis-failed'
  | 'redis-skipped'
  | 'introspection-active'
  | 'introspection-inactive'
  | 'introspection-failed'
  /** Not asked, because the core has just failed. */
  | 'introspection-paused'
  /** An answer was older than a change already known for its credential. */
  | 'answer-outdated'
  | 'jwt-verified'
  | 'jwt-refused'
  | 'jwt-failed'
  | 'jwks-fetched'
  | 'jwks-failed'
  | 'external-verified'
  | 'external-refused'
  | 'external-failed'
  /** Not asked: the auth service has failed, or has too many questions at once. */
  | 'external-paused'
  | 'provision-allowed'
  /** The user is disabled, or all of its tokens were revoked after this one was issued. */
  | 'provision-refused'
  | 'provision-failed'
  | 'feed-changes'
  | 'feed-failed'
  | 'feed-reset'

export type Observe = (event: AuthnEvent) => void

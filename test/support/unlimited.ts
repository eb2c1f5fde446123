/** For tests of what comes before or after the rate limits. */
export const unlimited = {
  identified: () => 0,
  anonymous: () => 0,
  refused: () => 0,
}

/** The same for a whole gateway: all of a test's clients share an address, and most share a credential. */
export const UNLIMITED_RATES = {
  RATE_LIMIT_PLATFORM: '100000000',
  RATE_LIMIT_CLIENT: '100000000',
  RATE_LIMIT_ADDRESS: '100000000',
  RATE_LIMIT_REFUSED: '100000000',
}

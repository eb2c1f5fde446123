/** Of this release; package.json has the same (test/deploy/release.test.ts). */
export const VERSION = '0.1.0'

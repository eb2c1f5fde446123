import { attack, type Mutant } from './mutants.ts'

const LANE = ['test/gateway/http/lane.test.ts']

/** Defences at the gateway's edge: the fast lane, start lines, slow bodies, limits, drain, reload, early answers. */
export const edgeMutants: readonly Mutant[] = [
  {
    name: 'the lane takes the first of two hosts',
    file: 'gateway/http/lane/request.ts',
    from: 'if (host !== undefined) return undefined',
    to: '',
    tests: [...LANE, ...attack('request-smuggling')],
  },
  {
    name: 'the lane takes the last of two lengths',
    file: 'gateway/http/lane/request.ts',
    from: 'if (length !== undefined || !LENGTH.test(value)) return undefined',
    to: 'if (!LENGTH.test(value)) return undefined',
    tests: [...LANE, ...attack('request-smuggling')],
  },
  {
    name: 'the lane forgets what follows a request',
    file: 'gateway/http/lane/request.ts',
    from: 'if (bytes.length !== text.length + Number(length ?? 0)) return undefined',
    to: 'if (bytes.length < text.length + Number(length ?? 0)) return undefined',
    tests: LANE,
  },
  {
    name: 'the lane lets Transfer-Encoding pass',
    file: 'gateway/http/lane/request.ts',
    from: "['transfer-encoding', 'foreign'],",
    to: '',
    tests: [...LANE, ...attack('request-smuggling')],
  },
  {
    name: 'a drain leaves the lane’s connections to their clients',
    file: 'gateway/http/lane/lane.ts',
    from: 'for (const connection of connections) connection.closeAfterAnswer()',
    to: '',
    tests: LANE,
  },
  {
    name: 'a request of HTTP/2.0 is read as one of 1.1',
    file: 'gateway/http/arrival.ts',
    from: "if (req.httpVersionMajor !== 1) return { refused: 'BAD_REQUEST' }",
    to: '',
    tests: attack('request-start-lines'),
  },
  {
    name: 'TRACE is a method like others',
    file: 'gateway/http/arrival.ts',
    from: "'DELETE', 'OPTIONS'])",
    to: "'DELETE', 'OPTIONS', 'TRACE'])",
    tests: attack('request-start-lines'),
  },
  {
    name: 'a body may come as slowly as it likes',
    file: 'gateway/http/exchanges.ts',
    from: 'return lateMs > 0 && bytes - exchange.bytes < (lateMs / 1_000) * MIN_BYTES_PER_S',
    to: 'return false',
    tests: attack('slow-requests'),
  },
  {
    name: 'a core that no longer reads is not heard any more',
    file: 'gateway/upstream/answer-first-socket.ts',
    from: 'if (error && this.readable) {',
    to: 'if (error && this.destroyed) {',
    tests: ['test/gateway/upstream/streams.test.ts'],
  },
  {
    name: 'a full window of requests lets one more in',
    file: 'gateway/limits/rate-limit.ts',
    from: 'if (waitMs > 0) return waitMs',
    to: '',
    tests: ['test/gateway/limits/rate-limit.test.ts'],
  },
  {
    name: 'a platform key may come from anywhere',
    file: 'gateway/authn/source-filter.ts',
    from: "return list.check(plain, version === 4 ? 'ipv4' : 'ipv6')",
    to: 'return true',
    tests: ['test/gateway/authn/source-filter.test.ts'],
  },
  {
    name: 'a renewed credential keeps its first end',
    file: 'gateway/tunnel/bearers.ts',
    from: 'bearer.identity = { ...bearer.identity,',
    to: 'void { ...bearer.identity,',
    tests: ['test/gateway/tunnel/registry.test.ts'],
  },
  {
    name: 'a draining gateway takes another tunnel',
    file: 'gateway/tunnel/registry.ts',
    from: "if (isDraining) return 'DRAINING'",
    to: '',
    tests: ['test/gateway/tunnel/registry.test.ts'],
  },
  {
    name: 'refusals are not audited',
    file: 'gateway/observe/audit.ts',
    from: 'if (!OF_INTEREST.has(code) || !mayTell()) return',
    to: 'return',
    tests: ['test/gateway/observe/audit.test.ts'],
  },
  {
    name: 'a bad configuration takes hold as far as it goes',
    file: 'gateway/config.ts',
    from: 'if (problems.length > 0) throw new ConfigError(problems)',
    to: '',
    tests: ['test/gateway/reload.test.ts'],
  },
]

import { urlOf } from './api.ts'
import type { Command } from './command.ts'
import { readConfigurations } from './doctor/configuration.ts'
import type { Finding } from './doctor/finding.ts'
import { checkClocks, checkFeed, checkReadiness } from './doctor/reachable.ts'
import { checkPostgres, checkRedis } from './doctor/stores.ts'

const SIGNS = { ok: '✓', warning: '!', problem: '✗', skipped: '·' } as const

export const doctorCommand: Command = {
  name: 'doctor',
  says: 'look at configuration, reachability, clocks and the credential feed, and say what to do',
  takes: [],
  options: {
    // Not `--env-file`: Node would take that for its own, wherever it stands.
    environment: {
      value: 'file',
      says: 'the environment that the services are started with (else this one)',
    },
    'gateway-admin-url': {
      value: 'url',
      says: 'a gateway’s admin port (GATEWAY_ADMIN_URL, else as configured)',
    },
    'core-admin-url': { value: 'url', says: 'a core’s admin port (CORE_ADMIN_URL, else as configured)' },
  },
  notes: 'Run it where the services run: it asks what they would ask. Exit code 1 if there is a problem.',
  async run(call) {
    const { env } = call.terminal
    const { gateway, core, findings } = await readConfigurations(call)
    const gatewayUrl = urlOf(
      call.text('gateway-admin-url') ?? env.GATEWAY_ADMIN_URL,
      urlAt(gateway?.adminHost, gateway?.adminPort ?? 8081),
    )
    const coreUrl = urlOf(
      call.text('core-admin-url') ?? env.CORE_ADMIN_URL,
      urlAt(core?.adminHost, core?.adminPort ?? 8092),
    )

    const [ofGateway, ofCore, ...asGateway] = await Promise.all([
      checkReadiness('gateway', gatewayUrl, 'start it, or say where it is: --gateway-admin-url'),
      checkReadiness('core', coreUrl, 'start it, or say where it is: --core-admin-url'),
      ...(gateway?.coreUrls ?? []).map((url) =>
        checkReadiness('from gateway to core', url, 'start that core, or mend CORE_URLS'),
      ),
      ...(gateway === undefined
        ? []
        : [
            checkReadiness(
              'from gateway to credentials',
              gateway.coreInternalUrl,
              'start a core, or mend CORE_INTERNAL_URL',
            ),
          ]),
    ])
    findings.push(ofGateway.finding, ofCore.finding, ...asGateway.map((seen) => seen.finding))
    findings.push(checkClocks(ofGateway.aheadMs, ofCore.aheadMs), ...(await checkFeed(gatewayUrl, coreUrl)))
    const redisUrl = core?.redisUrl ?? gateway?.redisUrl
    if (gateway !== undefined || core !== undefined) findings.push(await checkRedis(redisUrl))
    if (core !== undefined) findings.push(...(await checkPostgres(core.databaseUrl)))

    const failed = findings.some(({ state }) => state === 'problem')
    return { json: { healthy: !failed, findings }, shown: show(findings), failed }
  },
}

/** An address to listen at says where to ask, unless it is every address. */
function urlAt(host: string | undefined, port: number): string {
  const named = host === undefined || host === '0.0.0.0' || host === '::' ? '127.0.0.1' : host
  return `http://${named.includes(':') ? `[${named}]` : named}:${port}`
}

function show(findings: readonly Finding[]): string {
  const lines = findings.map(({ check, state, says, todo }) =>
    [`${SIGNS[state]} ${check}: ${says}`, ...(todo === undefined ? [] : [`    → ${todo}`])].join('\n'),
  )
  const count = (state: Finding['state']) => findings.filter((one) => one.state === state).length
  const sum = `${count('ok')} well, ${count('warning')} to watch, ${count('problem')} to mend, ${count('skipped')} not looked at`
  return [...lines, '', sum].join('\n')
}

import { readFile } from 'node:fs/promises'
import { parseConfigFile, withConfigFile } from '#contract/config-file.ts'
import * as core from '../../../core/config.ts'
import * as gateway from '../../../gateway/config.ts'
import { type Call, type Environment, FailedError } from '../command.ts'
import { codeOf } from '../secrets.ts'
import { type Finding, ok, problem, skipped } from './finding.ts'

export type Configurations = {
  gateway: gateway.GatewayConfig | undefined
  core: core.CoreConfig | undefined
  findings: Finding[]
}

/** @throws FailedError where the file cannot be read */
export async function readConfigurations(call: Call): Promise<Configurations> {
  const path = call.text('environment')
  const { env, problems } = path === undefined ? withConfigFile(call.terminal.env) : await readFileOf(path)
  const where = path ?? (env.CONFIG_FILE ? 'the environment or its CONFIG_FILE' : 'the environment')
  const findings: Finding[] = problems.map((says) => problem('configuration', says, `mend it in ${where}`))

  function parse<T>(
    name: string,
    of: readonly string[],
    parseConfig: (env: Environment) => T,
  ): T | undefined {
    const check = `configuration of the ${name}`
    if (of.every((variable) => !env[variable]?.trim())) {
      findings.push(skipped(check, `${where} has none of ${of.join(', ')}`))
      return undefined
    }
    try {
      const config = parseConfig(env)
      findings.push(ok(check, 'can be read whole'))
      return config
    } catch (error) {
      if (!(error instanceof core.ConfigError || error instanceof gateway.ConfigError)) throw error
      for (const says of error.problems)
        findings.push(problem(check, says, `mend it in ${where}, then restart the ${name}`))
      return undefined
    }
  }
  return {
    gateway: parse('gateway', ['CORE_URLS', 'CORE_INTERNAL_URL'], gateway.parseConfig),
    core: parse('core', ['DATABASE_URL', 'JWT_SECRET'], core.parseConfig),
    findings,
  }
}

async function readFileOf(path: string): Promise<{ env: Environment; problems: string[] }> {
  let text: string
  try {
    text = await readFile(path, 'utf8')
  } catch (cause) {
    throw new FailedError(`${path} cannot be read (${codeOf(cause)})`, { cause })
  }
  const { values, problems } = parseConfigFile(text)
  return {
    env: Object.fromEntries(values),
    problems: problems.map((line) => line.replace('CONFIG_FILE', path)),
  }
}

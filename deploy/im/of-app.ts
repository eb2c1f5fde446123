import { type Api, OPERATOR_OPTIONS, operatorApi, PLATFORM_OPTIONS, platformApi } from './api.ts'
import { type Call, type Option, UsageError } from './command.ts'

export const WHOSE_APP: Record<string, Option> = {
  app: { value: 'app', says: 'as an operator: of this app' },
  ...OPERATOR_OPTIONS,
  gateway: {
    value: 'url',
    says: 'as a customer instead: through this gateway, of the app of the platform key',
  },
  'platform-key-file': PLATFORM_OPTIONS['platform-key-file']!,
}

/** Where an app's settings and keys are: with an operator by name, with a customer that of its key. */
export async function ofApp(call: Call): Promise<{ api: Api; path: string }> {
  const app = call.text('app')
  if (app !== undefined && call.text('gateway') !== undefined)
    throw new UsageError('--app is for operators, --gateway for customers: give one of them')
  if (app !== undefined) return { api: await operatorApi(call), path: `/apps/${encodeURIComponent(app)}` }
  if (call.text('gateway') === undefined && call.terminal.env.GATEWAY_URL === undefined)
    throw new UsageError('whose? --app <app> as an operator, --gateway <url> as a customer')
  return { api: await platformApi(call), path: '/admin/app' }
}

/** Who may call, and the headers that say so. */
import { Type } from 'typebox'
import type { Caller } from '../route.ts'
import { MAX_ID_LENGTH } from '../schemas.ts'

const header = (name: string, description: string) => ({ type: 'apiKey', in: 'header', name, description })

/** Both generations of header names; a request may mix them, and of two that differ the new one counts. */
export const SECURITY_SCHEMES = {
  clientKey: header('IM-Client-Key', 'Names the app. No secret: it is in every client.'),
  clientToken: header('IM-Authorization', 'A user’s token; a leading `Bearer` is taken off.'),
  platformKey: header('IM-API-KEY', 'The platform key of a customer’s server. A secret.'),
  legacyClientKey: header('CLIENT_KEY', 'The older name. Proxies that drop names with underscores break it.'),
  legacyClientToken: header('Authorization', 'The older name.'),
  legacyPlatformKey: header('API_KEY', 'The older name. Proxies that drop names with underscores break it.'),
}

type Requirement = Readonly<Record<string, readonly string[]>>

const CLIENT: Requirement[] = [
  { clientKey: [], clientToken: [] },
  { legacyClientKey: [], legacyClientToken: [] },
]
const PLATFORM: Requirement[] = [{ platformKey: [] }, { legacyPlatformKey: [] }]

/** Alternatives, each the names of what has to come together. In a sandbox a client key signs anyone in. */
export const SECURITY: Record<Caller, readonly Requirement[]> = {
  platform: PLATFORM,
  user: [...CLIENT, ...PLATFORM],
  any: [...CLIENT, ...PLATFORM],
  'client-key': [...PLATFORM, { clientKey: [] }, { legacyClientKey: [] }],
  sandbox: [...PLATFORM, { clientKey: [] }, { legacyClientKey: [] }],
  signed: [...CLIENT, ...PLATFORM, {}],
  nobody: [],
}

export const PARAMETERS = {
  ActingUser: {
    name: 'IM-Client-ID',
    in: 'header',
    description: 'With a platform key: the user that it acts for. Of clients it is not believed.',
    schema: Type.String({ maxLength: MAX_ID_LENGTH }),
  },
  Device: {
    name: 'IM-Device-ID',
    in: 'header',
    description: 'The device; signing out ends its pushes.',
    schema: Type.String({ maxLength: MAX_ID_LENGTH }),
  },
}

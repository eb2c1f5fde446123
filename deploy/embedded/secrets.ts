import { randomBytes } from 'node:crypto'
import { chmod, mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { StartError, systemCode } from './start-error.ts'

/** Made once and kept, so that keys and tokens outlive a restart. */
export type Secrets = {
  /** `IDENTITY_KEYS` of both services. */
  identityKeys: string
  jwtSecret: string
  clientKey: string
  platformKey: string
}

const FILE = 'secrets.json'

/** The directory holds secrets and messages: nobody but its owner may look in. */
export async function openDataDirectory(directory: string): Promise<void> {
  try {
    await mkdir(directory, { recursive: true, mode: 0o700 })
    await chmod(directory, 0o700)
  } catch (error) {
    throw new StartError(
      `The data directory ${directory} cannot be used (${systemCode(error)}). Choose another with DATA_DIR.`,
      { cause: error },
    )
  }
}

/** @throws StartError when the file is there and unreadable: making new keys would orphan what they protect. */
export async function keepSecrets(directory: string): Promise<Secrets> {
  const path = join(directory, FILE)
  let text: string
  try {
    text = await readFile(path, 'utf8')
  } catch (error) {
    if (systemCode(error) !== 'ENOENT') throw error
    const secrets = generateSecrets()
    await writePrivateJson(path, secrets)
    return secrets
  }
  const secrets = parseSecrets(text)
  if (secrets === undefined)
    throw new StartError(`${path} is damaged. Restore it, or remove ${directory} to start anew.`)
  return secrets
}

/** Whole or not at all, and never readable by others, not even for a moment. */
export async function writePrivateJson(path: string, value: unknown): Promise<void> {
  const draft = `${path}.${randomBytes(6).toString('hex')}`
  await writeFile(draft, `${JSON.stringify(value, null, 2)}\n`, { mode: 0o600, flag: 'wx' })
  await rename(draft, path)
}

function generateSecrets(): Secrets {
  const random = (): string => randomBytes(32).toString('base64url')
  return {
    identityKeys: `embedded:${random()}`,
    jwtSecret: random(),
    clientKey: `ck_demo_${random()}`,
    platformKey: `pk_demo_${random()}`,
  }
}

function parseSecrets(text: string): Secrets | undefined {
  try {
    const { identityKeys, jwtSecret, clientKey, platformKey } = JSON.parse(text)
    const all = [identityKeys, jwtSecret, clientKey, platformKey]
    if (!all.every((secret) => typeof secret === 'string' && secret.length >= 32)) return undefined
    return { identityKeys, jwtSecret, clientKey, platformKey }
  } catch {
    return undefined
  }
}

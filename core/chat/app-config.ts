import { CoreError } from '../errors.ts'
import { type ConfigEntry, deleteConfig, findConfig, putConfig } from '../store/app-config.ts'
import { keywordsOf } from './app-configs.ts'
import { MAX_WORD_LENGTH, MAX_WORDS } from './censor.ts'
import { type Actor, type ChatContext, now } from './context.ts'

const MAX_ENTRIES = 256

export const readConfig = (ctx: ChatContext, actor: Actor): Promise<ConfigEntry[]> =>
  findConfig(ctx.db, actor.app)

/** Merged key by key; a key that is given is replaced whole. */
export async function changeConfig(
  ctx: ChatContext,
  actor: Actor,
  entries: readonly ConfigEntry[],
): Promise<ConfigEntry[]> {
  const { app } = actor
  for (const entry of entries) if (entry.key === 'censorship') requireKeywords(entry.content)
  const config = await ctx.db.transaction(async (tx) => {
    await putConfig(tx, app, entries, now(ctx))
    const all = await findConfig(tx, app)
    if (all.length > MAX_ENTRIES)
      throw new CoreError('INVALID_CONFIG_FORMAT', `An app has at most ${MAX_ENTRIES} keys.`)
    return all
  })
  ctx.configs.forget(app)
  return config
}

export async function removeConfig(ctx: ChatContext, actor: Actor, key: string): Promise<void> {
  if (!(await deleteConfig(ctx.db, actor.app, key))) throw new CoreError('CONFIG_NOT_FOUND')
  ctx.configs.forget(actor.app)
}

function requireKeywords(censorship: unknown): void {
  const words = keywordsOf(censorship)
  if (words === undefined)
    throw new CoreError('INVALID_CONFIG_FORMAT', '"censorship" has a list of texts, "keywords".')
  if (words.length > MAX_WORDS || words.some((word) => word.length > MAX_WORD_LENGTH))
    throw new CoreError(
      'INVALID_CONFIG_FORMAT',
      `At most ${MAX_WORDS} words of ${MAX_WORD_LENGTH} characters.`,
    )
}

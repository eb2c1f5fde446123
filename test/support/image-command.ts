import { readFile } from 'node:fs/promises'
import { join } from 'node:path'

export type ImageCommand = { node: string; flags: string[]; program: string }

/** What the image of a service starts. `root`: of the project in whatever state. */
export async function imageCommand(name: 'gateway' | 'core', root: string): Promise<ImageCommand> {
  const dockerfile = await readFile(join(root, `deploy/${name}.Dockerfile`), 'utf8')
  const [, command = '[]'] = /^CMD (\[[^\]]*\])$/m.exec(dockerfile) ?? []
  const [node = '', ...rest]: string[] = JSON.parse(command.replaceAll('\\\n', ''))
  return { node, flags: rest.slice(0, -1), program: rest.at(-1) ?? '' }
}

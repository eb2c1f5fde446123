import { appCommands } from './apps.ts'
import type { Command } from './command.ts'
import { completionCommand } from './completion.ts'
import { doctorCommand } from './doctor.ts'
import { importCommand } from './import.ts'
import { keyCommands } from './keys.ts'
import { loadCommand } from './load.ts'
import { socketCommands } from './sockets.ts'
import { tokenCommands } from './tokens.ts'
import { userCommands } from './users.ts'
import { webhookCommands } from './webhooks.ts'

const withoutCompletion: readonly Command[] = [
  ...appCommands,
  ...keyCommands,
  ...userCommands,
  ...tokenCommands,
  ...socketCommands,
  ...webhookCommands,
  importCommand,
  doctorCommand,
  loadCommand,
]

export const commands: readonly Command[] = [...withoutCompletion, completionCommand(withoutCompletion)]

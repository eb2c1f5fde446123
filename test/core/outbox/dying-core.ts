/** A core that does something and is killed between its last commit and its telling anybody. */
import { createAppConfigs } from '../../../core/chat/app-configs.ts'
import type { ChatContext } from '../../../core/chat/context.ts'
import { updateRoom } from '../../../core/chat/manage-room.ts'
import { addMembers } from '../../../core/chat/membership.ts'
import { createIdSource } from '../../../core/chat/new-id.ts'
import { sendMessage } from '../../../core/chat/send-message.ts'
import { createSends } from '../../../core/chat/sends.ts'
import { createLog } from '../../../core/observe/log.ts'
import { createConnectionCounts } from '../../../core/realtime/connection-counts.ts'
import { openDatabase } from '../../../core/store/open-database.ts'

const [databaseUrl = '', app = '', roomId = '', senderId = '', what = '', ...texts] = process.argv.slice(2)
const db = await openDatabase(databaseUrl)
const log = createLog('silent')
const clock = Date.now
let sent = 0
const chat: ChatContext = {
  db,
  publish() {
    sent += 1
    if (what !== 'send' || sent === texts.length) process.kill(process.pid, 'SIGKILL')
  },
  clock,
  newId: createIdSource(clock),
  sends: createSends(db),
  settings: { invitationRequired: false, sandbox: false },
  configs: createAppConfigs(db, clock),
  connections: createConnectionCounts({
    local: () => new Map(),
    nodeId: 'dying',
    redisUrl: undefined,
    clock,
    log,
  }),
  liveSockets: {
    list: async () => ({ sockets: [], isComplete: true }),
    connected: async () => ({ userIds: new Set(), isComplete: true }),
    cut: async () => 'absent',
  },
  log,
}
const actor = {
  kind: 'client' as const,
  app,
  userId: senderId,
  deviceId: undefined,
  credentialId: 'none',
  expiresAtMs: undefined,
}
const [text = ''] = texts
if (what === 'rename') await updateRoom(chat, actor, { roomId, fields: { name: text } })
if (what === 'invite')
  await addMembers(chat, actor, {
    roomId,
    userIds: texts,
    systemMessage: false,
    invitationRequired: true,
    messageType: 'addMembers',
  })
if (what === 'add')
  await addMembers(chat, actor, { roomId, userIds: texts, systemMessage: false, messageType: 'addMembers' })
if (what === 'send')
  for (const message of texts) await sendMessage(chat, actor, { roomId, message, mentions: [], fields: {} })

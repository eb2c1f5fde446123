import type { Route } from './route.ts'
import { adminRoutes } from './routes/admin.ts'
import { appRoutes } from './routes/app.ts'
import { badgeRoutes } from './routes/badges.ts'
import { batchRoutes } from './routes/batches.ts'
import { blockRoutes } from './routes/blocks.ts'
import { catchUpRoutes } from './routes/catch-up.ts'
import { clientRoutes } from './routes/clients.ts'
import { configRoutes } from './routes/config.ts'
import { deletionRoutes } from './routes/deletions.ts'
import { fileRoutes } from './routes/files.ts'
import { groupRoutes } from './routes/groups.ts'
import { invitationRoutes } from './routes/invitations.ts'
import { meRoutes } from './routes/me.ts'
import { memberRoutes } from './routes/members.ts'
import { messageFlagRoutes } from './routes/message-flags.ts'
import { messageRoutes } from './routes/messages.ts'
import { prefRoutes } from './routes/prefs.ts'
import { pushRoutes } from './routes/push.ts'
import { roomRoutes } from './routes/rooms.ts'
import { searchRoutes } from './routes/search.ts'
import { socketRoutes } from './routes/sockets.ts'
import { stickerRoutes } from './routes/stickers.ts'
import { tokenRoutes } from './routes/tokens.ts'
import { webhookRoutes } from './routes/webhooks.ts'

/** Every endpoint of the public server but `/readyz`. */
export const routes: readonly Route[] = [
  ...tokenRoutes,
  ...appRoutes,
  ...clientRoutes,
  ...meRoutes,
  ...prefRoutes,
  ...roomRoutes,
  ...memberRoutes,
  ...invitationRoutes,
  ...messageRoutes,
  ...messageFlagRoutes,
  ...deletionRoutes,
  ...searchRoutes,
  ...batchRoutes,
  ...badgeRoutes,
  ...fileRoutes,
  ...stickerRoutes,
  ...catchUpRoutes,
  ...pushRoutes,
  ...webhookRoutes,
  ...socketRoutes,
  ...groupRoutes,
  ...blockRoutes,
  ...configRoutes,
  ...adminRoutes,
]

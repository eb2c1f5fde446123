import type { Route } from './route.ts'
import { clientRoutes } from './routes/clients.ts'
import { invitationRoutes } from './routes/invitations.ts'
import { meRoutes } from './routes/me.ts'
import { memberRoutes } from './routes/members.ts'
import { messageRoutes } from './routes/messages.ts'
import { prefRoutes } from './routes/prefs.ts'
import { roomRoutes } from './routes/rooms.ts'
import { tokenRoutes } from './routes/tokens.ts'

/** Every endpoint of the public server but `/readyz`. */
export const routes: readonly Route[] = [
  ...tokenRoutes,
  ...clientRoutes,
  ...meRoutes,
  ...prefRoutes,
  ...roomRoutes,
  ...memberRoutes,
  ...invitationRoutes,
  ...messageRoutes,
]

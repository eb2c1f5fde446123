import type { Profile } from '../store/users.ts'

const PROFILE_TEXTS = ['nickname', 'avatarUrl', 'email', 'description', 'publicKey'] as const
const PROFILE_FLAGS = ['isRobot', 'notificationEnabled'] as const

/** Ours to write, or no part of the profile: never custom fields. `data`: see `present.ts`. */
const NOT_CUSTOM = new Set<string>([
  ...PROFILE_TEXTS,
  ...PROFILE_FLAGS,
  '_id',
  'id',
  'appID',
  '__v',
  'clientType',
  'members',
  'mute',
  'address',
  'userAgent',
  'lastLoginTime',
  'lastLoginTimeMS',
  'lastActiveTime',
  'lastActiveTimeMS',
  'createdAt',
  'createdAtMS',
  'updatedAt',
  'updatedAtMS',
  'isSocketConnected',
  'lastJoinOrCreateRoomTime',
  'lastJoinOrCreateRoomTimeMS',
  'issueAccessToken',
  'token',
  'expirationDate',
  'data',
])

type ProfileBody = { [text in (typeof PROFILE_TEXTS)[number]]?: string | null | undefined } & {
  [flag in (typeof PROFILE_FLAGS)[number]]?: boolean | null | undefined
}

/** What a body says of a profile; `custom` too where the customer speaks. */
export function parseProfile(body: ProfileBody, custom: boolean): Profile {
  const profile: Profile = {}
  for (const name of PROFILE_TEXTS) {
    const value = body[name]
    if (value !== undefined) profile[name] = value
  }
  if (!custom) return profile
  for (const name of PROFILE_FLAGS) {
    const value = body[name]
    if (typeof value === 'boolean') profile[name] = value
  }
  const fields = Object.entries(body).filter(([name]) => !NOT_CUSTOM.has(name))
  if (fields.length > 0) profile.custom = Object.fromEntries(fields)
  return profile
}

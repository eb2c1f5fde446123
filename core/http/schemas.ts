import { type TSchema, Type } from 'typebox'

/** Sent as null by clients that have no value. */
export const maybe = <T extends TSchema>(schema: T) => Type.Optional(Type.Union([schema, Type.Null()]))

export const MAX_ID_LENGTH = 256
const MAX_TEXT_LENGTH = 16_384
const MAX_IDS = 5_000

export const Id = Type.String({ minLength: 1, maxLength: MAX_ID_LENGTH })
export const Ids = Type.Array(Id, { maxItems: MAX_IDS })
export const Text = Type.String({ maxLength: MAX_TEXT_LENGTH })
export const Texts = Type.Array(Type.String({ maxLength: MAX_ID_LENGTH }), { maxItems: 100 })
export const Int32 = Type.Integer({ minimum: -2_147_483_648, maximum: 2_147_483_647 })
export const Flag = Type.Boolean()
export const Bit = Type.Union([Type.Literal(0), Type.Literal(1)])
/** Empty means "make one". */
export const NewId = Type.String({ maxLength: MAX_ID_LENGTH })

export const Skip = Type.Optional(Type.Integer({ minimum: 0, maximum: 1_000_000_000 }))
export const Limit = Type.Optional(Type.Integer({ minimum: 0 }))

export const object = Type.Object

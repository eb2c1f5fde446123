import { types } from 'pg'

type TypeParser = (text: string) => unknown

const INT8 = 20
const NUMERIC = 1700
const INT8_ARRAY = 1016
const NUMERIC_ARRAY = 1231
const FLOAT8_ARRAY: number = 1022

/** Positions and counts stay far below 2^53, so bigint and numeric are numbers here. */
const PARSERS = new Map<number, TypeParser>([
  [INT8, Number],
  [NUMERIC, Number],
  [INT8_ARRAY, types.getTypeParser(FLOAT8_ARRAY)],
  [NUMERIC_ARRAY, types.getTypeParser(FLOAT8_ARRAY)],
])

/** How a column's text becomes a value; one table for PostgreSQL and PGlite, so their rows cannot differ. */
export const columnParser = (oid: number): TypeParser => PARSERS.get(oid) ?? types.getTypeParser(oid, 'text')

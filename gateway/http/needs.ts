import type { Need } from '../pipeline.ts'
import { withoutTrailingSlash } from './path.ts'

/** Addresses that are used before, or without, a client token. Everything else needs an identity. */
const OPEN: Record<string, Need> = {
  'POST /auths/sign': 'client-key',
  'POST /auths/sign/v2': 'client-key',
  'POST /badges': 'client-key',
  'GET /stickers': 'nothing',
  'HEAD /stickers': 'nothing',
  'GET /stickers/res': 'nothing',
  'HEAD /stickers/res': 'nothing',
  'GET /openapi.json': 'nothing',
  'GET /reference': 'nothing',
  'GET /reference/reference.css': 'nothing',
  'GET /reference/reference.js': 'nothing',
}

const needs = new Map(Object.entries(OPEN))

export function needOf(method: string, path: string): Need {
  return needs.get(`${method} ${withoutTrailingSlash(path)}`) ?? 'identity'
}

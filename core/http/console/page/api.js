/** An answer that was not a success; `status` 0 = no answer at all. */
export class ApiError extends Error {
  /**
   * @param {number} status
   * @param {string} code
   * @param {string} message
   */
  constructor(status, code, message) {
    super(message)
    this.status = status
    this.code = code
  }
}

/** What to do about refusals of the gateway. @type {Record<string, string>} */
const ADVICE = {
  INVALID_API_KEY: 'This platform key is not known, or no longer.',
  PLATFORM_KEY_FROM_BROWSER:
    'Your browser does not say that this page is the gateway’s own. Open it by https:// or on localhost, in a current browser.',
  SOURCE_NOT_ALLOWED:
    'Platform keys of this app may not be used from your address. An operator can change that: im apps allow-list.',
}

/**
 * @typedef {Record<string, any>} Fields
 * @typedef {{
 *   get(path: string): Promise<Fields>, post(path: string, body?: Fields): Promise<Fields>,
 *   put(path: string, body: Fields): Promise<Fields>, remove(path: string, body?: Fields): Promise<Fields>,
 * }} Api
 */

/**
 * The key lives in this closure alone: no storage, no address, no cookie.
 * @param {string} key
 * @param {(error: ApiError) => void} onRefused
 * @returns {Api}
 */
export function createApi(key, onRefused) {
  /**
   * @param {string} method
   * @param {string} path
   * @param {Fields} [body]
   */
  async function call(method, path, body) {
    let response
    try {
      response = await fetch(path, {
        method,
        credentials: 'omit',
        cache: 'no-store',
        headers: {
          'IM-API-KEY': key,
          'IM-Console': '1',
          ...(body !== undefined && { 'Content-Type': 'application/json' }),
        },
        ...(body !== undefined && { body: JSON.stringify(body) }),
      })
    } catch {
      throw new ApiError(0, 'UNREACHABLE', 'The gateway cannot be reached.')
    }
    const answer = await response.json().catch(() => ({}))
    if (response.ok) return answer.result ?? {}
    const code = answer.error?.code ?? ''
    const error = new ApiError(
      response.status,
      code,
      ADVICE[code] ?? answer.error?.message ?? `The gateway answered ${response.status}.`,
    )
    if (response.status === 401) onRefused(error)
    throw error
  }

  return {
    get: (path) => call('GET', path),
    post: (path, body) => call('POST', path, body),
    put: (path, body) => call('PUT', path, body),
    remove: (path, body) => call('DELETE', path, body),
  }
}

/** @param {string} id */
export const segment = (id) => encodeURIComponent(id)

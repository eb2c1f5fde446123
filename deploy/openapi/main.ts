/** `npm run docs:openapi`: what the core answers at `/openapi.json`, as a file to read and to generate from. */
import { writeFile } from 'node:fs/promises'
import { describeRoutes } from '../../core/http/openapi/document.ts'
import { routes } from '../../core/http/routes.ts'

const FILE = new URL('../../docs/openapi.json', import.meta.url)

await writeFile(FILE, `${JSON.stringify(describeRoutes(routes), null, 2)}\n`)

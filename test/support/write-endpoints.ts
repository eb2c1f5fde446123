import { writeFile } from 'node:fs/promises'
import { endpointRows, renderTable, TABLE_PATH } from './endpoint-table.ts'

await writeFile(TABLE_PATH, renderTable(await endpointRows()))

/** An export as it lies there: a file of JSON lines, or a directory of them, read in the order of their names. */
import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { readdir, stat } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { createInterface } from 'node:readline'
import { FailedError } from '../command.ts'
import { codeOf } from '../secrets.ts'
import { checkHeader, type Line, parseLine } from './line.ts'

export type ExportFile = { path: string; name: string; bytes: number }
export type Examined = { file: ExportFile; digest: string; lines: number }
export type Examination = { files: Examined[]; problems: string[]; counts: Record<string, number> }

const MAX_PROBLEMS = 100

/** @throws FailedError */
export async function findExport(path: string): Promise<ExportFile[]> {
  try {
    const found = await stat(path)
    if (!found.isDirectory()) return [{ path, name: basename(path), bytes: found.size }]
    const names = (await readdir(path)).filter((name) => name.endsWith('.jsonl')).sort()
    if (names.length === 0) throw new FailedError(`${path} has no file whose name ends in .jsonl`)
    return await Promise.all(
      names.map(async (name) => ({
        path: join(path, name),
        name,
        bytes: (await stat(join(path, name))).size,
      })),
    )
  } catch (cause) {
    if (cause instanceof FailedError) throw cause
    throw new FailedError(`${path} cannot be read (${codeOf(cause)})`, { cause })
  }
}

/** Every line but the header, with its number from 1. A line that ends in CR and LF is one as well. */
export async function* linesOf(file: ExportFile): AsyncGenerator<{ number: number; text: string }> {
  const input = createReadStream(file.path, { encoding: 'utf8' })
  let number = 0
  for await (const text of createInterface({ input, crlfDelay: Infinity })) {
    number += 1
    if (number === 1) checkHeader(text)
    else if (text.trim() !== '') yield { number, text }
  }
  if (number === 0) throw new Error('is empty')
}

/** Looks at all of it before anything is written, so that a bad export changes nothing. */
export async function examine(
  files: readonly ExportFile[],
  known: { users(ids: string[]): Promise<Set<string>>; rooms(ids: string[]): Promise<Set<string>> },
  onRead: (bytes: number) => void,
): Promise<Examination> {
  const problems: string[] = []
  const counts: Record<string, number> = { user: 0, token: 0, room: 0, member: 0, message: 0 }
  const [users, rooms] = [new Set<string>(), new Set<string>()]
  /** Named before it was made, here: it may be in the database. By id, where. */
  const [strangers, elsewhere] = [new Map<string, string>(), new Map<string, string>()]
  const report = (problem: string): void => {
    if (problems.length < MAX_PROBLEMS) problems.push(problem)
    else problems[MAX_PROBLEMS] = '… and more'
  }

  function note(line: Line, at: string): void {
    counts[line.type] = (counts[line.type] ?? 0) + 1
    const needs = (ids: Set<string>, missing: Map<string, string>, id: string | undefined): void => {
      if (id !== undefined && !ids.has(id) && !missing.has(id)) missing.set(id, at)
    }
    if (line.type === 'user') users.add(line.id)
    if (line.type === 'room') rooms.add(line.id)
    if (line.type === 'token' || line.type === 'member') needs(users, strangers, line.user)
    if (line.type === 'message') needs(users, strangers, line.sender)
    if (line.type === 'member' || line.type === 'message') needs(rooms, elsewhere, line.room)
  }

  const examined: Examined[] = []
  for (const file of files) {
    const digest = createHash('sha256')
    let lines = 1
    try {
      for await (const { number, text } of linesOf(file)) {
        digest.update(`${text}\n`)
        lines = number
        onRead(Buffer.byteLength(text) + 1)
        try {
          note(parseLine(text), `${file.name}:${number}`)
        } catch (error) {
          report(`${file.name}:${number}: ${messageOf(error)}`)
        }
      }
    } catch (error) {
      report(`${file.name}:1: ${messageOf(error)}`)
    }
    examined.push({ file, digest: digest.digest('base64url'), lines })
  }
  for (const [what, missing, lookup] of [
    ['user', strangers, known.users],
    ['room', elsewhere, known.rooms],
  ] as const) {
    const there = missing.size === 0 ? new Set() : await lookup([...missing.keys()])
    for (const [id, at] of missing)
      if (!there.has(id))
        report(`${at}: there is no ${what} ${JSON.stringify(id)} before this line, nor in the app`)
  }
  return { files: examined, problems, counts }
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : 'cannot be read')

/** Rows as aligned columns; `none` where there are none. */
export function table(names: readonly string[], rows: readonly (readonly unknown[])[], none: string): string {
  if (rows.length === 0) return none
  const cells = [names, ...rows].map((row) => row.map((cell) => plain(cell)))
  const widths = names.map((_, column) => Math.max(...cells.map((row) => row[column]?.length ?? 0)))
  return cells
    .map((row) =>
      row
        .map((cell, i) => cell.padEnd(widths[i] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n')
}

/** What others wrote must not move the cursor of this terminal. */
const plain = (cell: unknown): string =>
  cell === null || cell === undefined || cell === '' ? '-' : String(cell).replace(/\p{Cc}/gu, '�')

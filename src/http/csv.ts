/** CSV (RFC 4180), for spreadsheets: the mark says UTF-8, without which Excel takes accents for another encoding. */
export const CSV_MARK = '\ufeff'

/** A cell that begins so is a formula to a spreadsheet: told as text by an apostrophe before it. */
const FORMULA = /^[=+\-@\t\r]/
const QUOTED = /[",\r\n]/

export type Cell = string | number | boolean | null

export function csvLine(cells: readonly Cell[]): string {
  return `${cells.map(csvCell).join(',')}\r\n`
}

function csvCell(cell: Cell): string {
  if (cell === null) return ''
  // a number of ours is no text that somebody wrote: -1 stays -1
  if (typeof cell !== 'string') return String(cell)
  const text = FORMULA.test(cell) ? `'${cell}` : cell
  return QUOTED.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}

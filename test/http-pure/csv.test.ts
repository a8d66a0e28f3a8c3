import { expect, test } from 'vitest'
import { csvLine } from '../../src/http/csv.ts'

test.each<[string, Parameters<typeof csvLine>[0], string]>([
  ['a plain cell', ['valid', 7, -1, true, null], 'valid,7,-1,true,\r\n'],
  ['a comma and a quote', ['a,b', 'say "a"'], '"a,b","say ""a"""\r\n'],
  ['line ends', ['a\nb', 'a\rb'], '"a\nb","a\rb"\r\n'],
  ['a formula', ['=1+1', '+1', '-1', '@sum(1)'], "'=1+1,'+1,'-1,'@sum(1)\r\n"],
  ['a formula behind a tab or in quotes', ['\t=1', '=1,2', '\r=1'], `'\t=1,"'=1,2","'\r=1"\r\n`],
])('%s would be read by a spreadsheet as another', (_, cells, line) => {
  expect(csvLine(cells)).toBe(line)
})

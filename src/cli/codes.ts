import { FINDING_TEXTS } from '../claim-share/dossier/finding-text.ts'
import { DECISION_CODES, type DecisionCode } from '../entitlement/decision-code.ts'
import { DECISION_TEXTS, WARNING_TEXTS } from '../entitlement/decision-text.ts'
import { FIELD_ISSUES } from '../http/field-issue-text.ts'
import { PROBLEMS } from '../http/problem-text.ts'

/** `kiemthe codes`: the tables of codes as Markdown. The README holds this text; a test says when it is old. */
export async function codes(): Promise<void> {
  process.stdout.write(`${codeTables()}\n`)
}

export function codeTables(): string {
  return [
    '### Decisions',
    table(
      ['code', 'VSS', 'decision', 'cause', 'the desk does', 'the integrator does'],
      Object.entries(DECISION_CODES).map(([code, row]) => {
        const { desk, integrator } = DECISION_TEXTS[code as DecisionCode]
        return [`\`${code}\``, row.vssCode ?? '–', row.decision, row.cause ?? '', desk, integrator]
      }),
    ),
    `\`replaced\` with its successor here is decided as the successor: ${DECISION_TEXTS.replaced_by_card_here.integrator}`,
    '### Warnings',
    table(['warning', 'the desk does', 'the integrator does'], textRows(WARNING_TEXTS)),
    '### Problems',
    table(
      ['code', 'status', 'title', 'the desk does', 'the integrator does'],
      Object.entries(PROBLEMS).map(([code, row]) => [
        `\`${code}\``,
        String(row.status),
        row.title,
        row.desk,
        row.integrator,
      ]),
    ),
    '### Findings of a dossier (`findings[].code`)',
    table(['code', 'who mends the dossier', 'who mends the program'], textRows(FINDING_TEXTS)),
    '### Faults of a member (`errors[].code`)',
    table(['code', 'the desk does', 'the integrator does'], textRows(FIELD_ISSUES)),
  ].join('\n\n')
}

function textRows(texts: Readonly<Record<string, { readonly desk: string; readonly integrator: string }>>): string[][] {
  return Object.entries(texts).map(([code, { desk, integrator }]) => [`\`${code}\``, desk, integrator])
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n')
}

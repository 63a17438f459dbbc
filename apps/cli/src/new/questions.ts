// What `millrace new` asks a person at a terminal: plain questions, the best guess first and taken by Enter. Who asks
// and how the answer is read is the caller's.

import { PlatformError } from '@millrace/domain';
import {
  type OpenRole,
  type Proposal,
  type ProposedLabel,
  propose,
  type TableProfile,
  type Wishes,
} from '@millrace/project';

export interface Terminal {
  say(text: string): void;
  /** The answer without white space around it; empty for Enter alone. */
  ask(question: string): Promise<string>;
}

/** Candidates shown of one question. */
const SHOWN_MAX = 8;
const NONE = '-';

/** Asks until nothing is open. */
export async function proposeWith(
  terminal: Terminal,
  table: TableProfile,
  fileName: string,
  wishes: Wishes,
  nowMs: number,
): Promise<Proposal> {
  let said = wishes;
  for (;;) {
    let proposal: Proposal;
    try {
      proposal = propose(table, fileName, said, nowMs);
    } catch (thrown) {
      const error = PlatformError.from(thrown);
      if (error.facts.role !== 'label') throw error;
      terminal.say(error.reason);
      const answer = await answerTo(
        terminal,
        `Which column is the outcome? COLUMN, or COLUMN=VALUE; ${NONE} for none: `,
      );
      said = { ...said, label: answer === NONE ? false : answer };
      continue;
    }
    const [role] = proposal.open;
    if (role === undefined) return proposal;
    said = { ...said, ...(await asked(terminal, role, proposal)) };
  }
}

/** Columns all of whose numbers have a comma, as they were read: with a decimal point. */
export const withCommas = ({ columns }: TableProfile): string[] =>
  columns.filter(({ commas }) => commas === 'all').map(({ name }) => name);

/** undefined: the commas part thousands. */
export async function askDecimal(terminal: Terminal, columns: readonly string[]): Promise<',' | undefined> {
  const named = columns.slice(0, SHOWN_MAX).map((name) => `'${name}'`);
  terminal.say(`Numbers of ${named.join(', ')} have a comma. Is it the decimal comma?`);
  const answer = await terminal.ask(`  yes, or ${NONE} for no [yes]: `);
  return answer === NONE || /^n/i.test(answer) ? undefined : ',';
}

async function answerTo(terminal: Terminal, question: string): Promise<string> {
  for (;;) {
    const answer = await terminal.ask(question);
    if (answer !== '') return answer;
  }
}

async function asked(terminal: Terminal, role: OpenRole, proposal: Proposal): Promise<Wishes> {
  if (role === 'label' && proposal.label !== null) return { label: await askLabel(terminal, proposal.label) };
  const { column, why, others } = role === 'entity' ? proposal.entity : proposal.eventTime;
  const name = column?.name ?? '';
  terminal.say(
    role === 'entity'
      ? `Which column names what several rows are about (a customer, a device)? '${name}', because ${why}.`
      : `Which column says when a row happened? '${name}', because ${why}.`,
  );
  const names = [name, ...others.map((one) => one.column.name)].slice(0, SHOWN_MAX);
  const answer = await terminal.ask(`  ${names.join(', ')}; ${NONE} for none [${name}]: `);
  const wish = answer === NONE ? false : answer === '' ? name : answer;
  return role === 'entity' ? { entity: wish } : { eventTime: wish };
}

async function askLabel(terminal: Terminal, label: ProposedLabel): Promise<string | false> {
  const { rule } = label;
  const guess = rule.operation === 'identity' ? rule.column : `${rule.column}=${rule.value}`;
  terminal.say(
    `Which column is the outcome to predict? '${rule.column}'${rule.operation === 'identity' ? '' : `, yes being '${rule.value}'`}, because ${label.why}.`,
  );
  const others = label.others.map(({ column }) => column.name).filter((name) => name !== rule.column);
  const names = [guess, ...others].slice(0, SHOWN_MAX);
  const answer = await terminal.ask(
    `  ${names.join(', ')}; or COLUMN=VALUE, COLUMN>VALUE; ${NONE} for none [${guess}]: `,
  );
  return answer === NONE ? false : answer === '' ? guess : answer;
}

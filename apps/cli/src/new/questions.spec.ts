import { describe, expect, it } from '@jest/globals';
import { TableProfiler } from '@millrace/project';
import { askDecimal, proposeWith, withCommas } from './questions.js';

const NOW_MS = Date.UTC(2026, 0, 1);

function tableOf(columns: Readonly<Record<string, (row: number) => string>>) {
  const names = Object.keys(columns);
  const table = new TableProfiler('text', names);
  for (let row = 0; row < 300; row++) table.takeRow(names.map((name) => columns[name]?.(row)));
  return table.profile();
}

async function asked(table: ReturnType<typeof tableOf>, answers: readonly string[]) {
  const questions: string[] = [];
  const left = [...answers];
  const terminal = {
    say: (text: string) => questions.push(text),
    ask: async (question: string) => {
      questions.push(question);
      const answer = left.shift();
      if (answer === undefined) throw new Error(`nobody answers ${question}`);
      return answer;
    },
  };
  const proposal = await proposeWith(terminal, table, 'things.csv', {}, NOW_MS);
  expect(left).toEqual([]);
  return { proposal, questions: questions.join('\n') };
}

const unclear = {
  user: (row: number) => `u${row % 60}`,
  seen: (row: number) => new Date(Date.UTC(2025, 0, 1 + (row % 200))).toISOString(),
  left_at: (row: number) => new Date(Date.UTC(2025, 6, 1 + (row % 100))).toISOString(),
  amount: (row: number) => String(row * 7),
  colour: (row: number) => (row % 3 === 0 ? 'red' : 'blue'),
  size: (row: number) => (row % 4 === 0 ? 'L' : 'S'),
  store: (row: number) => String(row % 70),
};

describe('questions of millrace new', () => {
  it('are none where the file is clear', async () => {
    const clear = {
      amount: unclear.amount,
      size: unclear.size,
      target: (row: number) => String(Number(row % 3 === 0)),
    };
    const { proposal } = await asked(tableOf(clear), []);
    expect(proposal.label?.rule).toMatchObject({ column: 'target', operation: 'identity' });
  });

  it('take Enter for the best guess', async () => {
    const { proposal, questions } = await asked(tableOf(unclear), ['', '', '']);
    expect(questions).toMatch(
      /outcome to predict\? 'colour', yes being 'red', because it has two values, and 'red' is the rarer/,
    );
    expect(proposal.label?.rule).toMatchObject({ column: 'colour', operation: 'eq', value: 'red' });
    expect(proposal.eventTime.column?.name).toBe('left_at');
    expect(proposal.entity.column?.name).toBe('user');
  });

  it('take another column, or none', async () => {
    const { proposal } = await asked(tableOf(unclear), ['size=L', 'seen', '-']);
    expect(proposal.label?.rule).toMatchObject({ column: 'size', value: 'L' });
    expect(proposal.eventTime.column?.name).toBe('seen');
    expect(proposal.entity.column).toBeNull();
  });

  it('take that there is no outcome, also where none looks like one', async () => {
    expect((await asked(tableOf(unclear), ['-', '', ''])).proposal.label).toBeNull();
    const numbers = { amount: unclear.amount, weight: (row: number) => String(row / 7 + (row % 5)) };
    expect((await asked(tableOf(numbers), ['-'])).proposal.label).toBeNull();
  });

  it('are asked again after an answer that does not fit, with what is wrong', async () => {
    const numbers = { amount: unclear.amount, weight: (row: number) => String(row / 7 + (row % 5)) };
    const { proposal, questions } = await asked(tableOf(numbers), ['amont>5', 'amount', 'amount>900']);
    expect(questions).toMatch(/no column 'amont'\. Did you mean 'amount'/);
    expect(questions).toMatch(/has 300 values; the trainer answers yes or no: say which it is, --label 'amount>VALUE'/);
    expect(proposal.label?.rule).toMatchObject({ column: 'amount', operation: 'gt', value: 900 });
  });
});

describe('numbers with commas', () => {
  const table = tableOf({ amount: (row) => `${row},5`, size: (row) => String(row % 9) });

  it.each([
    ['', ','],
    ['yes', ','],
    ['-', undefined],
    ['no', undefined],
  ])('are decimals, or thousands, as a person says: %j', async (answer, expected) => {
    const said: string[] = [];
    const terminal = { say: (text: string) => said.push(text), ask: async () => answer };
    expect(await askDecimal(terminal, withCommas(table))).toBe(expected);
    expect(said).toEqual(["Numbers of 'amount' have a comma. Is it the decimal comma?"]);
  });
});

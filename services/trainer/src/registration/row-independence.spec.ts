import { describe, expect, it } from '@jest/globals';
import type { Binding } from '@millrace/inference';
import { refuseDependentRows } from './row-independence.js';

const BINDING: Binding = {
  inputs: [{ tensor: 'x', datatype: 'FP32', shape: [-1, 2], columns: ['a', 'b'] }],
} as unknown as Binding;
const ROWS = 100;
const rows = {
  rows: ROWS,
  columns: {
    a: Array.from({ length: ROWS }, (_, i) => Math.sin(i)),
    b: Array.from({ length: ROWS }, (_, i) => (i % 3 === 0 ? null : i)),
  },
};
type Columns = typeof rows.columns;
const sigmoid = (x: number) => 1 / (1 + Math.exp(-x));
const byItself = ({ a, b }: Columns) => a.map((x, i) => sigmoid(x + (b[i] ?? 0) / 50));

async function checked(model: (columns: Columns) => number[]) {
  await refuseDependentRows(BINDING, rows, model(rows.columns), async ({ columns }) => model(columns as Columns));
}

describe('refuseDependentRows', () => {
  it('takes a model that answers each row by itself, up to the rounding of sums in other orders', async () => {
    await expect(checked(byItself)).resolves.toBeUndefined();
    let calls = 0;
    await expect(
      checked((columns) => byItself(columns).map((x) => x * (1 + 1e-6 * (calls++ % 5)))),
    ).resolves.toBeUndefined();
  });

  it('refuses one that normalises over the rows that it is asked together', async () => {
    const centred = (columns: Columns) => {
      const found = byItself(columns);
      const mean = found.reduce((sum, x) => sum + x, 0) / found.length;
      return found.map((x) => x - mean + 0.5);
    };
    await expect(checked(centred)).rejects.toMatchObject({
      code: 'invalid_argument',
      reason: expect.stringMatching(
        /^row 1 is answered 0\.\d+ among other rows and 0\.5 alone: .*Export the model for inf/,
      ),
    });
  });

  it('refuses one that answers by chance', async () => {
    let calls = 0;
    await expect(checked((columns) => byItself(columns).map((x) => x + 0.01 * calls++))).rejects.toThrow(
      'not on chance',
    );
  });
});

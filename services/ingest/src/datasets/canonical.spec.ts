import { createHash } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import type { Scalar } from '@millrace/domain';
import fc from 'fast-check';
import { CanonicalHash } from './canonical.js';

interface Row {
  id: string;
  entity: string;
  at: number;
  values: Scalar[];
}

function hashOf(rows: readonly Row[], schemaHash = 's'): string {
  const sha256 = createHash('sha256');
  const canonical = new CanonicalHash(
    { update: (bytes) => sha256.update(bytes), hex: () => sha256.digest('hex') },
    schemaHash,
  );
  for (const row of [...rows].sort((a, b) => a.at - b.at || Buffer.compare(Buffer.from(a.id), Buffer.from(b.id)))) {
    canonical.row(row.id, row.entity, row.at);
    for (const value of row.values) canonical.value(value);
  }
  return canonical.hex();
}

const scalar = fc.oneof(
  fc.double({ noNaN: true }),
  fc.string({ unit: 'grapheme', maxLength: 20 }),
  fc.boolean(),
  fc.constant(null),
);
const row = fc.record({
  id: fc.string({ unit: 'grapheme', minLength: 1 }),
  entity: fc.string(),
  at: fc.integer(),
  values: fc.array(scalar, { minLength: 3, maxLength: 3 }),
});
const rows = fc.uniqueArray(row, { selector: ({ id }) => id, maxLength: 30 });

describe('canonical hash', () => {
  it('does not depend on the order of arrival', () => {
    fc.assert(
      fc.property(rows, fc.infiniteStream(fc.nat()), (all, keys) => {
        const shuffled = all
          .map((value) => ({ value, key: keys.next().value as number }))
          .sort((a, b) => a.key - b.key)
          .map(({ value }) => value);
        expect(hashOf(shuffled)).toBe(hashOf(all));
      }),
    );
  });

  it('changes with any value, any missing row, and the schema', () => {
    fc.assert(
      fc.property(
        rows.filter((all) => all.length > 0),
        fc.nat(),
        scalar,
        (all, pick, other) => {
          const index = pick % all.length;
          expect(hashOf(all.filter((_, i) => i !== index))).not.toBe(hashOf(all));
          expect(hashOf(all, 't')).not.toBe(hashOf(all));
          const same = (a: Scalar, b: Scalar) => a === b || (a === 0 && b === 0);
          if (same((all[index] as Row).values[1] as Scalar, other)) return;
          const changed = all.map((value, i) =>
            i === index ? { ...value, values: [value.values[0] as Scalar, other, value.values[2] as Scalar] } : value,
          );
          expect(hashOf(changed)).not.toBe(hashOf(all));
        },
      ),
    );
  });

  it('tells values apart that look alike, and takes texts larger than its buffer', () => {
    const of = (value: Scalar) => hashOf([{ id: 'a', entity: 'e', at: 1, values: [value] }]);
    const distinct: Scalar[] = [null, 0, 1, '', '0', '1', 'null', false, true, 'x'.repeat(70_000), 'x'.repeat(70_001)];
    expect(new Set(distinct.map(of)).size).toBe(distinct.length);
    expect(of(-0)).toBe(of(0));
  });

  it('keeps its bytes over releases', () => {
    expect(hashOf([{ id: 'r1', entity: 'ann', at: 1_704_067_200_000, values: [1, 'car', null, true] }])).toBe(
      createHash('sha256')
        .update(Buffer.from('millrace.dataset.v1\ns\n'))
        .update(
          Buffer.from(
            '020000007231' +
              '03000000616e6e' +
              '0000401f25cc7842' +
              '01000000000000f03f' +
              '0203000000636172' +
              '00' +
              '04',
            'hex',
          ),
        )
        .digest('hex'),
    );
  });
});

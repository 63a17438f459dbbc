import { describe, expect, it } from '@jest/globals';
import { ImportAssembly } from './import-assembly.js';

const bounds = { openMax: 2, abandonAfterMs: 1_000 };

describe('ImportAssembly', () => {
  it('takes batches in order and ignores repeated ones', () => {
    const assembly = new ImportAssembly(bounds);
    const places = [0, 1, 0, 1, 2, 4, 3].map((sequence, offset) => assembly.offer('i', sequence, 1, offset, 0));
    expect(places).toEqual(['first', 'next', 'repeated', 'repeated', 'next', 'gap', 'next']);
    expect(assembly.range('i')).toEqual({ partition: 1, first: 0, last: 6 });
  });

  it('ignores the rest of an import that is done, and starts it anew from its first batch', () => {
    const assembly = new ImportAssembly(bounds);
    assembly.offer('i', 0, 0, 0, 0);
    assembly.done('i');
    expect(assembly.offer('i', 1, 0, 1, 0)).toBe('gap');
    expect(assembly.offer('i', 0, 0, 2, 0)).toBe('first');
  });

  it('holds the floor at the first batch of an open import of the partition', () => {
    const assembly = new ImportAssembly(bounds);
    assembly.offer('a', 0, 0, 7, 0);
    assembly.offer('b', 0, 0, 9, 0);
    assembly.offer('a', 1, 0, 10, 0);
    expect(assembly.floor(0)).toBe(7);
    expect(assembly.floor(1)).toBeNull();
    assembly.done('a');
    expect(assembly.floor(0)).toBe(9);
  });

  it('refuses more than it may hold, and gives up what does not move', () => {
    const assembly = new ImportAssembly(bounds);
    assembly.offer('a', 0, 0, 0, 0);
    assembly.offer('b', 0, 0, 1, 900);
    expect(assembly.offer('c', 0, 0, 2, 900)).toBe('refused');
    expect(assembly.abandoned(1_500)).toEqual(['a']);
  });
});

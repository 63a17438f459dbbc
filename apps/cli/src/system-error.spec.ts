import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from '@jest/globals';
import { PlatformError } from '@millrace/domain';
import { toldError } from './system-error.js';

const folder = mkdtempSync(join(tmpdir(), 'millrace-errors-'));

function thrownBy(work: () => unknown): unknown {
  try {
    work();
  } catch (thrown) {
    return thrown;
  }
  throw new Error('nothing was thrown');
}

it.each([
  [() => readFileSync(join(folder, 'none')), 'cannot open', 'none: there is no such file or folder'],
  [() => writeFileSync(folder, 'x'), 'cannot open', ': it is a folder; name a file'],
  [() => writeFileSync(join(folder, 'x'.repeat(300)), ''), 'cannot open', ': the name is too long'],
  [
    () => {
      writeFileSync(join(folder, 'file'), '');
      mkdirSync(join(folder, 'file', 'logs'));
    },
    'cannot make',
    'logs: a part of this path is a file, not a folder',
  ],
])('what the system refuses has the path and words: %#', (work, begin, end) => {
  const { reason } = toldError(thrownBy(work));
  expect(reason).toContain(begin);
  expect(reason).toContain(end);
});

it('leaves the rest as it is', () => {
  const own = new PlatformError('conflict', 'busy');
  expect(toldError(own)).toBe(own);
  expect(toldError(new Error('odd'))).toMatchObject({ code: 'internal', reason: 'odd' });
  rmSync(folder, { recursive: true });
});

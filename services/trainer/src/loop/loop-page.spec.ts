import { readFileSync } from 'node:fs';
import { expect, it } from '@jest/globals';
import { LOOP_SAYS } from '@millrace/api';
import { loopPage } from './loop-page.js';

it('docs/the-loop.md is drawn from the table: `npm run loop` after a change of it', () => {
  expect(readFileSync('docs/the-loop.md', 'utf8')).toBe(loopPage(LOOP_SAYS));
});

import { readFileSync } from 'node:fs';
import { expect, it } from '@jest/globals';
import { detectorsPage } from './detectors-page.js';

it('is docs/detectors.md; `npm run schema` writes it', () => {
  expect(detectorsPage()).toBe(readFileSync(new URL('../../../docs/detectors.md', import.meta.url), 'utf8'));
});

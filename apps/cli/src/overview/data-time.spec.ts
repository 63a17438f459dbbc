import { expect, it } from '@jest/globals';
import { qualityWaitsText } from './data-time.js';

it('says that it is the data whose time is waited for: at 10:59:49 quality waited "until 10:56:05"', () => {
  expect(qualityWaitsText(Date.UTC(2026, 10, 30, 10, 56, 5))).toBe(
    "quality waits for labels, in the first of these windows at the earliest when the data's own time has come to " +
      '2026-11-30T10:56:05Z: it stands still while nothing comes',
  );
});

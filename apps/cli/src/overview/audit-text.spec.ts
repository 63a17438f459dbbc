import { expect, it } from '@jest/globals';
import { auditText } from './audit-text.js';

const ENTRY = {
  ...{ id: 'c-1', atMs: Date.UTC(2026, 10, 30, 12), project: 'p', who: 'ada', tool: 'cli', address: '10.0.0.7' },
  ...{ action: 'route.abort', subject: 'version 2', reason: 'slow', result: 'applied' as const, correlationId: '' },
  ...{ detail: 'revision 7: version 1 100 %', isSound: true },
};

it('says who did what, when, from where, why and with what result', () => {
  const text = auditText({ project: 'p', entries: [ENTRY], more: 0, leftOut: 0 });
  for (const told of ['2026-11-30T12:00:00Z', 'ada', 'cli', '10.0.0.7', 'route.abort', 'version 2', 'slow', 'applied'])
    expect(text).toContain(told);
  expect(text).toContain('revision 7: version 1 100 %');
});

it('says what is not shown, what is not as it was written, and that there is nothing', () => {
  const entries = [{ ...ENTRY, isSound: false, who: '', address: '' }];
  const text = auditText({ project: 'p', entries, more: 4, leftOut: 2 });
  for (const told of ['applied (!)', '1 not as written', '--limit 5', '2 still older ones'])
    expect(text).toContain(told);
  expect(auditText({ project: 'p', entries: [], more: 0, leftOut: 0 })).toBe('nothing is known to have been done');
});

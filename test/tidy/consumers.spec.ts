// A handler of messages that names no transport is registered with every consumer of its process (Nest): a second one
// would read its topic as well, and count each message twice. So where a service has several, each handler names one.

import { describe, expect, it } from '@jest/globals';
import { sources } from './sources.js';

const WITHOUT_TRANSPORT = /@EventPattern(?:<[^>]*>)?\(\s*[^,()]+\s*\)/g;
const serviceOf = (path: string): string => path.split('/').slice(0, 2).join('/');

describe('handlers of messages', () => {
  it('name their transport where their service has more than one consumer', () => {
    const several = sources
      .filter(({ path }) => /^services\/\w+\/src\/app\.module\.ts$/.test(path))
      .filter(({ text }) => /consumers: \[[^\]]+,[^\]]+\]/.test(text))
      .map(({ path }) => serviceOf(path));
    expect(several.sort()).toEqual(['services/ingest', 'services/monitor']);
    const faults = sources
      .filter(({ path }) => several.includes(serviceOf(path)) && path.includes('/src/') && !path.endsWith('.spec.ts'))
      .flatMap(({ path, text }) => [...text.matchAll(WITHOUT_TRANSPORT)].map(([at]) => `${path}: ${at}`));
    expect(faults).toEqual([]);
  });
});

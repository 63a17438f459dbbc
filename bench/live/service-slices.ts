// Slices of the rows over single services, side by side on one broker: what they ask for has no bound in seconds, and
// each waits much, for processes and consumer groups.

import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { type DedicatedKafka, startKafka } from '@millrace/testing';
import { intakeSlice } from '../live-intake/slice.js';
import type { Outcome } from '../serving/row.js';
import { SEED } from './backlog.js';
import { restoreSlice } from './restore.js';
import type { LiveBench, LiveRow } from './row.js';
import { twoIngestsSlice } from './two-ingests.js';
import { twoMonitorsSlice } from './two-monitors.js';

type Slice = (bench: LiveBench, broker: DedicatedKafka) => Promise<Outcome[]>;

/** In each lane one after the other. */
const LANES: readonly Readonly<Record<string, Slice>>[] = [
  { intake: intakeSlice, 'two-ingests': twoIngestsSlice },
  { restore: restoreSlice, 'two-monitors': twoMonitorsSlice },
];

export const serviceSlices: LiveRow = {
  name: 'slice-services',
  says: 'intake, shared backlogs, catch-up and restore, small',
  seed: SEED,
  async measure(bench) {
    const broker = await startKafka({ dedicated: true });
    const inLane = async (slices: Readonly<Record<string, Slice>>) => {
      const outcomes: Outcome[] = [];
      for (const [name, slice] of Object.entries(slices)) {
        const work = join(bench.work, name);
        mkdirSync(work);
        outcomes.push(...(await slice({ ...bench, work }, broker)));
      }
      return outcomes;
    };
    try {
      return (await Promise.all(LANES.map(inLane))).flat();
    } finally {
      await broker.stop();
    }
  },
};

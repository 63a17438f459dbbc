// What the desk of webhooks keeps, in a file of this process: deliveries that wait, dead letters, known ids, and
// each project's route as it was last told. A damaged file is an empty one, reported: its events are lost, others
// are not.

import { join } from 'node:path';
import { readJson, replaceJson } from '@millrace/files';
import { logger } from '@millrace/telemetry';
import type { DeskState } from './desk.http.js';

const FORMAT = 1;

export class DeskFile {
  private readonly path: string;

  constructor(home: string, replica: string) {
    this.path = join(home, 'monitor', `webhooks-${replica}.json`);
  }

  async read(): Promise<DeskState> {
    const read = await readJson(this.path);
    const saved = read.kind === 'ok' ? (read.value as DeskState & { format: number }) : undefined;
    // An earlier release kept no loops.
    if (saved?.format === FORMAT) return { endpoints: saved.endpoints, routes: saved.routes, loops: saved.loops ?? {} };
    if (read.kind !== 'absent')
      logger('webhooks').warn('waiting webhooks cannot be read, and are lost', { path: this.path });
    return { endpoints: {}, routes: {}, loops: {} };
  }

  save(state: DeskState): Promise<void> {
    return replaceJson(this.path, { format: FORMAT, ...state });
  }
}

// Wiring of the online features: look-ups over Redis with their settings, metrics beside. Redis is not even connected
// to until a project that asks for them is served.

import type { Clock } from '@millrace/domain';
import { counter, gauge, histogram } from '@millrace/telemetry';
import type { OnlineJoinPorts } from './online-join.js';
import { OnlineLookups } from './online-lookups.js';
import { OnlineStore } from './online-store.redis.js';

export interface OnlineSettings {
  redisUrl: string;
  onlineDeadlineMs: number;
  onlineCacheMs: number;
  onlineCacheEntitiesMax: number;
}

/** Entities asked for at a time: at 5 ms a read this is more than a process can answer. */
const WAITING_MAX = 20_000;

export interface OnlineFeatures extends OnlineJoinPorts {
  close(): Promise<void>;
}

export function onlineFeatures(settings: OnlineSettings, clock: Clock): OnlineFeatures {
  const store = new OnlineStore(settings.redisUrl);
  const rows = counter('millrace.serving.online_rows');
  const ages = histogram('millrace.serving.online_age');
  const reads = histogram('millrace.serving.online_read_duration').bind();
  const lookups = new OnlineLookups(
    {
      deadlineMs: settings.onlineDeadlineMs,
      cacheMs: settings.onlineCacheMs,
      cacheEntitiesMax: settings.onlineCacheEntitiesMax,
      waitingMax: WAITING_MAX,
    },
    {
      clock,
      prepare: () => store.prepare(),
      connected: () => store.connected(),
      read: (project, entities) => store.read(project, entities),
      soon: (work) => void setImmediate(work),
      later: (delayMs, work) => {
        let immediate: NodeJS.Immediate | undefined;
        // Not in the timer's own turn: after a pause of the process the answer may wait in the socket, unread.
        const timer = setTimeout(() => {
          immediate = setImmediate(work);
        }, delayMs);
        return () => {
          clearTimeout(timer);
          clearImmediate(immediate);
        };
      },
      readTook: (ms) => reads.record(ms),
    },
  );
  gauge('millrace.serving.online_circuit_open').observe(() => (lookups.circuitOpen ? 1 : 0));
  return {
    lookups,
    clock,
    counted: (project, outcome, count) => rows.add(count, { project, outcome }),
    aged: (project, ageMs) => ages.record(ageMs / 1_000, { project }),
    close: () => store.close(),
  };
}

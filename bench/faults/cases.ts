// The faults, each under traffic. What must hold afterwards is the same for all of them (suite.ts), and what is said
// here besides.

import { isDeepStrictEqual } from 'node:util';
import { processName, SERVICE_NAMES, type Service } from '@millrace/deployment';
import { systemClock } from '@millrace/domain';
import { ensureTopics, KafkaConnection } from '@millrace/kafka';
import { eventually, recreateTopics } from '@millrace/testing';
import { EACH } from './replicated-platform.process.js';
import { type FaultCase, type Outcome, pause, type Run, type Suite } from './suite.js';
import { takenOverAfterMs } from './takeover.js';
import { wrongClocks } from './wrong-clock.js';

const READY_LOOK_MS = 200;
const BACK_WITHIN_MS = 90_000;
/** Between two kills, seeded: often while the one before is not back in its work. */
const KILL_AFTER_MS = { least: 5_000, most: 14_000 };
const TOPICS = ['predictions.v1', 'records.v1', 'labels.v1'] as const;

async function untilReady(suite: Suite, service: Service): Promise<void> {
  for (const replica of EACH)
    await eventually(`${service} ${replica} is ready`, () => suite.platform.isReady(service, replica), BACK_WITHIN_MS);
}

/** Looks until the returned function is called, which says when no process of a service was ready. */
function watchReadiness(suite: Suite): () => Promise<string[]> {
  const outages: string[] = [];
  let isOver = false;
  const startedAt = systemClock.monotonicMs();
  const look = async (service: Service): Promise<void> => {
    const ready = await Promise.all(EACH.map((replica) => suite.platform.isReady(service, replica)));
    if (ready.some(Boolean)) return;
    outages.push(`${service} after ${((systemClock.monotonicMs() - startedAt) / 1_000).toFixed(1)} s`);
  };
  const looking = (async () => {
    while (!isOver) {
      for (const service of SERVICE_NAMES) await look(service);
      await pause(READY_LOOK_MS);
    }
  })();
  return async () => {
    isOver = true;
    await looking;
    return outages;
  };
}

/** Every process of these services, or of all, is ended and started again, one at a time. */
export function restart(services: readonly Service[]): FaultCase {
  return {
    name: 'restart',
    says: `${services.length === 0 ? 'every process' : services.join(' and ')} restarted, one at a time`,
    disturb: async (suite) => {
      const fromAt = systemClock.monotonicMs();
      const outages = watchReadiness(suite);
      const restarted = await suite.platform.millrace('restart', ...services).finally(outages);
      const seconds = (systemClock.monotonicMs() - fromAt) / 1_000;
      const found = await outages();
      return [
        {
          what: 'one process of each service is ready at any time of a restart',
          met: found.length === 0,
          measured: `${restarted.trim().split('\n')[0]}: ${seconds.toFixed(0)} s; outages: ${found.join(', ') || 'none'}`,
        },
      ];
    },
  };
}

/** kill -9 of both processes of ingest in turn, at seeded points. */
export function killedIngests(seconds: number): FaultCase {
  return {
    name: 'ingests',
    says: `both ingests killed in turn for ${seconds} s`,
    seconds,
    disturb: async (suite) => {
      const endAt = systemClock.monotonicMs() + 1_000 * seconds;
      const { least, most } = KILL_AFTER_MS;
      let kills = 0;
      for (;;) {
        const waitMs = least + suite.rng.below(most - least);
        if (systemClock.monotonicMs() + waitMs >= endAt) break;
        await pause(waitMs);
        if (suite.platform.kill('ingest', kills % 2)) kills += 1;
      }
      await untilReady(suite, 'ingest');
      return [{ what: 'both were killed', met: kills >= 2, measured: `${kills} kills` }];
    },
  };
}

/** kill -9 of a monitor and of both ingests; their partitions may stand still for so long. */
export const takeOver = (atMostMs: number): FaultCase => ({
  name: 'takeover',
  says: 'a monitor and both ingests are killed where they hold partitions',
  disturb: async (suite) => {
    const outcomes: Outcome[] = [];
    const first = suite.rng.below(2);
    for (const [service, replica] of [
      ['monitor', suite.rng.below(2)],
      ['ingest', first],
      ['ingest', 1 - first],
    ] as const) {
      await pause(1_000 + suite.rng.below(1_000));
      const tookMs = await takenOverAfterMs(suite.platform, service, replica);
      outcomes.push({
        what: `the partitions of ${service} ${replica}, killed, advance again`,
        met: tookMs <= atMostMs,
        measured: `after ${(tookMs / 1_000).toFixed(1)} s, at most ${atMostMs / 1_000} s`,
      });
      await untilReady(suite, service);
    }
    return outcomes;
  },
});

/** One after the other, in one run. */
export function together(name: string, cases: readonly FaultCase[]): FaultCase {
  return {
    name,
    says: cases.map(({ says }) => says).join('; then '),
    disturb: async (suite, run) => {
      const outcomes: Outcome[] = [];
      for (const one of cases) outcomes.push(...(await one.disturb(suite, run)));
      return outcomes;
    },
  };
}

/** Of every serving, since it began. */
async function lostPredictions(suite: Suite): Promise<number> {
  let lost = 0;
  for (const replica of EACH) {
    const text = await (await fetch(`http://${suite.platform.address('servingHttp', replica)}/metrics`)).text();
    for (const [, value] of text.matchAll(/^millrace_serving_predictions_dropped\S* (\d+)/gm)) lost += Number(value);
  }
  return lost;
}

/** kill -9 of the broker; its supervisor starts it again. */
export function restartedBroker(seconds: number): FaultCase {
  let lostBefore = 0;
  return {
    name: 'broker',
    says: 'the broker is killed and comes back',
    seconds,
    disturb: async (suite) => {
      lostBefore = await lostPredictions(suite);
      await pause((1_000 * seconds) / 4 + suite.rng.below(3_000));
      const { platform } = suite;
      const before = platform.pid('kafka');
      platform.kill('kafka');
      const runsAgain = () => ![undefined, before].includes(platform.pid('kafka'));
      await eventually('the broker runs again', runsAgain, BACK_WITHIN_MS);
      for (const service of SERVICE_NAMES) await untilReady(suite, service);
      return [];
    },
    allowed: async (suite) => ({ lostPredictions: (await lostPredictions(suite)) - lostBefore }),
  };
}

/** Whatever was written was read, by whoever reads it. */
async function untilRead({ facts, sender }: Run): Promise<void> {
  let said = '';
  const isRead = async () => {
    const { recordsAccepted = 0, duplicateRecords = 0, labelsAccepted = 0 } = await facts.statistics();
    const { predictions = 0, labels = 0 } = await facts.counters();
    said = `${recordsAccepted} records, ${labelsAccepted} labels, ${predictions} predictions, their ${labels} labels`;
    const isIngested = recordsAccepted + duplicateRecords >= sender.records.acknowledged;
    const { acknowledged } = sender.labels;
    return isIngested && labelsAccepted >= acknowledged && labels >= acknowledged && predictions >= sender.answered;
  };
  await eventually('everything is read', isRead, BACK_WITHIN_MS).catch(() => {
    throw new Error(`not everything is read: ${said}`);
  });
}

/** Topics are deleted and created once everything was read; what comes after it counts like what came before. */
export function recreatedTopics(seconds: number): FaultCase {
  return {
    name: 'topics',
    says: `${TOPICS.join(', ')} deleted and created again`,
    seconds,
    disturb: async (suite, run) => {
      const brokers = [suite.platform.address('kafka', 0)];
      const connection = new KafkaConnection({ brokers, clientId: 'faults', topicPrefix: 'millrace.' });
      try {
        await pause((1_000 * seconds) / 3);
        run.sender.hold(true);
        await run.sender.quiet();
        await untilRead(run);
        await recreateTopics(connection, TOPICS, ensureTopics);
        run.sender.hold(false);
        return [];
      } finally {
        await connection.close();
      }
    },
  };
}

/** Clients whose clocks are hours and days wrong, beside those whose clocks are right. */
export function skewedClocks(seconds: number): FaultCase {
  let sent = { rows: 0, refused: 0 };
  return {
    name: 'clocks',
    says: 'clocks of three clients are hours behind, hours ahead and days ahead',
    seconds,
    disturb: async (suite, run) => {
      await pause((1_000 * seconds) / 4);
      const rows = Math.round(2.5 * seconds);
      sent = await wrongClocks(suite.platform, run.facts.project, suite.input.startMs, rows);
      run.storedBesides = 2 * rows;
      const what = 'what is days ahead is refused';
      return [{ what, met: sent.refused === rows, measured: `${sent.refused} of ${rows}` }];
    },
    allowed: async () => ({
      ...{ storedBesides: 2 * sent.rows, refused: sent.refused, lateRecords: sent.rows },
      ...{ predictionsBesides: sent.rows, latePredictions: sent.rows },
    }),
  };
}

/** Topics that a service shares by partition. */
const SHARED: readonly (readonly [Service, string])[] = [
  ['ingest', 'records.v1'],
  ['monitor', 'predictions.v1'],
  ['router', 'commands.v1'],
  ['trainer', 'commands.v1'],
];

/** No fault: `millrace status` tells the processes of a service apart. */
export const shown: FaultCase = {
  name: 'shown',
  says: 'every process is shown',
  disturb: async ({ platform }) => {
    const { services } = JSON.parse(await platform.millrace('status', '--json')) as {
      services: { name: string; state: string; holds: Record<string, number[]> | null }[];
    };
    const names = SERVICE_NAMES.flatMap((service) => EACH.map((replica) => processName(service, replica)));
    const ready = services.filter(({ state }) => state === 'ready').map(({ name }) => name);
    const held = (name: string, topic: string) => services.find((one) => one.name === name)?.holds?.[topic] ?? [];
    const shares = SHARED.map(([service, topic]) =>
      EACH.flatMap((replica) => held(processName(service, replica), topic)).sort(),
    );
    // One trainer is at work, the other stands by.
    const atWork = EACH.filter((replica) => held(processName('trainer', replica), 'drift.v1').length === 4);
    const areHeld = shares.every((share) => isDeepStrictEqual(share, [0, 1, 2, 3]));
    return [
      {
        what: 'status shows every process, and the partitions that it holds',
        met: isDeepStrictEqual(ready, names) && areHeld && atWork.length === 1,
        measured: `${ready.join(', ')} ready; ${JSON.stringify(shares)}; ${atWork.length} trainer at work`,
      },
    ];
  },
};

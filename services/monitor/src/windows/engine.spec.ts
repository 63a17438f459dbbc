// The engine as a whole: windows, joins, alarms and checkpoints over a seeded stream. The intention that matters most:
// a process that dies anywhere and reads again from its checkpoint ends with the same windows and counts as one that
// never died.

import { describe, expect, it } from '@jest/globals';
import type { LabelMessage, PredictionMessage } from '@millrace/contracts';
import { ALL, binaryOutputs, cohortOfVersion, seededRng } from '@millrace/domain';
import type { WatchedInput } from '@millrace/features';
import { buildReferenceProfile } from '@millrace/statistics';
import { aProject } from '../../test/a-project.js';
import { anEngine, type Durable, restored, saved, told } from '../../test/an-engine.js';
import { MetadataCache } from '../metadata/metadata-cache.js';
import { TrafficHistory } from '../software/traffic-history.js';
import type { Engine } from './engine.js';

const INPUTS: WatchedInput[] = [
  { name: 'x', kind: 'numeric' },
  { name: 'c', kind: 'categorical' },
];
const WINDOW_MS = 10_000;
const DELAY_MS = 3_000;

const project = aProject(WINDOW_MS, DELAY_MS);

function metadata(): MetadataCache {
  const rng = seededRng(1);
  const rows = 20_000;
  const filled = new MetadataCache();
  filled.setProject(project);
  const profile = buildReferenceProfile({
    features: [
      { name: 'x', kind: 'numeric', values: Array.from({ length: rows }, () => rng.normal()) },
      { name: 'c', kind: 'categorical', values: Array.from({ length: rows }, () => `c${rng.below(5)}`) },
    ],
    scoreName: 'probability',
    scores: Array.from({ length: rows }, () => rng.next()),
    positiveShare: 0.5,
  });
  for (const version of [1, 2]) filled.setReference('p', version, { profile, inputs: INPUTS });
  return filled;
}

function engine(from: MetadataCache, labelIdleMs = 60_000, traffic = new TrafficHistory()): Engine {
  return anEngine(from, { traffic, idleMs: { predictions: 5_000, labels: labelIdleMs } });
}

type Message =
  | { stream: 'predictions'; partition: number; offset: number; atMs: number; value: PredictionMessage }
  | { stream: 'labels'; partition: number; offset: number; atMs: number; value: LabelMessage };

/** Predictions every 10 ms of event time, labels DELAY_MS later; from `shiftMs` on, x is shifted by 1. */
function stream(rows: number, shiftMs: number, seed: number): Message[] {
  const rng = seededRng(seed);
  const messages: Message[] = [];
  for (let i = 0; i < rows; i++) {
    const eventTimeMs = 100_000 + i * 10;
    const partition = rng.below(4);
    const probability = rng.next();
    const prediction = {
      predictionId: `r${i}/0`,
      project: 'p',
      entity: `e${partition}`,
      modelVersion: i % 10 === 0 ? 2 : 1,
      eventTimeMs,
      answeredAtMs: eventTimeMs + 1,
      latencyUs: 800 + rng.below(400),
      features: [rng.normal() + (eventTimeMs >= shiftMs ? 1 : 0), `c${rng.below(5)}`],
      outputs: binaryOutputs(probability),
      traceId: '',
      modelSha256: '',
      role: 'live',
    } satisfies PredictionMessage;
    const label = {
      recordId: `r${i}`,
      predictionId: i % 2 === 0 ? `r${i}/0` : '',
      entity: prediction.entity,
      value: rng.next() < probability ? 1 : 0,
      eventTimeMs,
      knownAtMs: eventTimeMs + DELAY_MS,
      project: 'p',
      source: 't',
      ingestedAtMs: 0,
    } satisfies LabelMessage;
    messages.push({
      stream: 'predictions',
      partition,
      offset: 0,
      atMs: eventTimeMs + rng.below(300),
      value: prediction,
    });
    messages.push({
      stream: 'labels',
      partition,
      offset: 0,
      atMs: eventTimeMs + DELAY_MS + rng.below(300),
      value: label,
    });
    // A redelivery now and then.
    if (rng.below(50) === 0) {
      messages.push({ stream: 'predictions', partition, offset: 0, atMs: eventTimeMs + 400, value: prediction });
      messages.push({ stream: 'labels', partition, offset: 0, atMs: eventTimeMs + DELAY_MS + 400, value: label });
    }
  }
  messages.sort((a, b) => a.atMs - b.atMs);
  const next = new Map<string, number>();
  for (const message of messages) {
    const key = `${message.stream}${message.partition}`;
    message.offset = next.get(key) ?? 0;
    next.set(key, message.offset + 1);
  }
  return messages;
}

function apply(to: Engine, message: Message): void {
  const { partition, offset, atMs } = message;
  if (message.stream === 'predictions') to.applyPrediction(message.value, partition, offset, atMs);
  else to.applyLabel(message.value, partition, offset, atMs);
}

function summary(of: Engine, nowMs: number) {
  const monitor = of.monitor('p', nowMs)!;
  return {
    windows: [...of.windowsBefore('p')]
      .map(({ startMs, metrics, drift }) => ({
        startMs,
        drift: drift.map((event) => event.id),
        metrics: metrics.map(({ closedAtMs, quality, ...row }) => ({
          ...row,
          auc: quality?.metrics.auc?.toFixed(9),
          logLoss: quality?.metrics.log_loss?.toFixed(9),
        })),
      }))
      .sort((a, b) => a.startMs - b.startMs),
    counters: monitor.counters,
    quality: [ALL, cohortOfVersion(1), cohortOfVersion(2)].map((cohort) => {
      const { rows, metrics } = monitor.quality.figures(cohort, 0, Number.POSITIVE_INFINITY);
      return { rows, auc: metrics.auc, logLoss: metrics.log_loss?.toFixed(9) };
    }),
  };
}

function uninterrupted(messages: readonly Message[]): Engine {
  const whole = engine(metadata());
  for (const message of messages) {
    apply(whole, message);
    whole.close(message.atMs);
  }
  return whole;
}

const SHIFT_MS = 160_000;
const messages = stream(9_000, SHIFT_MS, 3);
const endMs = messages[messages.length - 1]!.atMs;

describe('Engine', () => {
  const whole = uninterrupted(messages);

  it('counts every prediction and label once', () => {
    const { counters } = whole.monitor('p', endMs)!;
    expect(counters.predictions).toBe(9_000);
    expect(counters.labelsJoined).toBe(9_000);
    expect(counters.duplicatePredictions).toBeGreaterThan(100);
    expect(counters.duplicatePredictions).toBe(counters.duplicateLabels);
    expect(counters.joinedByCohort).toEqual({ 1: 8_100, 2: 900 });
    expect(counters.unmatchedLabels).toBe(0);
  });

  it('rings for the shifted feature in the first shifted window, once an episode, and for nothing else', () => {
    const windows = [...whole.windowsBefore('p')];
    expect(windows.length).toBe(8);
    const drift = windows.flatMap((window) => window.drift.map(({ data }) => data));
    expect(drift.map(({ feature, cohort, window }) => [feature, cohort.version, window.startMs]).sort()).toEqual([
      ['x', 1, SHIFT_MS],
      ['x', 2, SHIFT_MS],
    ]);
    expect(drift[0]!.histogram!.live.reduce((a, b) => a + b, 0)).toBe(drift[0]!.rows);
    const ringing = windows.filter((w) => w.metrics.some((row) => row.tests.some((t) => t.feature === 'x' && t.alarm)));
    expect(ringing.length).toBe(2);
  });

  it('tests each version against its own reference and software, and all together for software', () => {
    const [newest] = [...whole.windowsBefore('p')];
    expect(newest!.metrics.map((row) => row.cohort)).toEqual([ALL, cohortOfVersion(1), cohortOfVersion(2)]);
    expect(new Set(newest!.metrics[0]!.tests.map((test) => test.feature))).toEqual(new Set(['@software']));
    // Which tests there are is libs/drift's business; some of each subject do.
    const tests = newest!.metrics[1]!.tests.map((test) => `${test.feature}/${test.detector}`);
    expect(tests).toEqual(
      expect.arrayContaining(['x/ks', 'x/missing', 'c/chi2', 'c/unseen', '@score/psi', '@software/p99_ms']),
    );
    expect([...new Set(tests.map((test) => test.split('/')[0]))]).toEqual(['x', 'c', '@score', '@software']);
  });

  it('tells the version whose requests fail at the router, so that it can be taken back', () => {
    const traffic = new TrafficHistory();
    const failing = engine(metadata(), 60_000, traffic);
    // The router's counters as the monitor reads them: of version 2 every twentieth request fails.
    for (let atMs = 0; atMs <= 400_000; atMs += 2_000) {
      const of = (perReading: number, failures: number) => ({ requests: (atMs / 2_000) * perReading, failures });
      traffic.read(
        'p',
        new Map([
          [1, of(180, 0)],
          [2, of(20, atMs / 2_000)],
        ]),
        atMs,
        'a',
      );
    }
    for (const message of messages) {
      apply(failing, message);
      failing.close(message.atMs);
    }
    const software = [...failing.windowsBefore('p')]
      .flatMap((window) => window.drift)
      .filter(({ data }) => data.feature === '@software');
    expect(software.length).toBeGreaterThan(0);
    for (const { data } of software)
      expect(data).toMatchObject({ cohort: cohortOfVersion(2), detector: 'error_share', value: 0.05 });
  });

  it('says "no data", not 0 %, of windows for which nothing was counted at the router', () => {
    const [newest] = [...whole.windowsBefore('p')];
    for (const { software, tests } of newest!.metrics) {
      expect(software).toMatchObject({ requests: 0, errorShare: Number.NaN });
      expect(tests.map(({ detector }) => detector)).not.toContain('error_share');
    }
  });

  it('knows after a restart what the router had counted before, and what it counted meanwhile', () => {
    const readings = (to: TrafficHistory, fromMs: number, untilMs: number) => {
      for (let atMs = fromMs; atMs <= untilMs; atMs += 2_000) {
        const totals = { requests: atMs / 10, failures: atMs / 20 };
        to.read('p', new Map([[1, totals]]), atMs, 'a');
      }
    };
    const shared = metadata();
    const traffic = new TrafficHistory();
    let live = engine(shared, 60_000, traffic);
    readings(traffic, 90_000, 132_000);
    const until = (ms: number) => messages.filter(({ atMs }) => atMs < ms);
    for (const message of until(136_000)) {
      apply(live, message);
      live.close(message.atMs);
    }
    const durable = saved(live);
    const after = new TrafficHistory();
    live = engine(shared, 60_000, after);
    // The router was read again before the project was opened.
    after.read('p', new Map([[1, { requests: 13_700, failures: 6_850 }]]), 137_000, 'a');
    restored(live, durable, 137_000).monitor('p', 137_000);
    for (const message of messages.slice(until(136_000).length)) {
      if (message.atMs > 145_000) break;
      apply(live, message);
      live.close(message.atMs);
    }
    const window = [...live.windowsBefore('p')].find(({ startMs }) => startMs === 130_000);
    expect(window!.metrics[0]!.software).toMatchObject({ errorShare: 0.5, requests: expect.any(Number) });
    // Readings at 132 and 137 s of what came since that of 130 s.
    expect(window!.metrics[0]!.software!.requests).toBe(700);
  });

  it.each([1, 2, 3, 4])('ends the same after crashes at random points (seed %i)', (seed) => {
    const rng = seededRng(seed * 77);
    const shared = metadata();
    let live = engine(shared);
    let durable: Durable = { board: {}, numbers: [] };
    const sent = new Map<string, number>();
    let crashes = 0;
    let i = 0;
    while (i < messages.length) {
      const message = messages[i]!;
      apply(live, message);
      const closed = live.close(message.atMs);
      for (const { window } of closed) for (const { id } of window.drift) sent.set(id, (sent.get(id) ?? 0) + 1);
      // What a judge decides is told as a whole, before anything else is.
      if (closed.length > 0) durable = { ...durable, board: told(live, durable.board) };
      i++;
      const luck = rng.below(4_000);
      if (luck < 6) durable = saved(live, durable.board);
      if (luck === 3_999 && crashes < 8) {
        crashes++;
        live = engine(shared);
        restored(live, durable, message.atMs).monitor('p', message.atMs);
        // Kafka is read again from the earliest position of the checkpoint; what the state holds is skipped.
        const at = (m: Message) => live.positions.next(m.stream, m.partition) <= m.offset;
        i = messages.findIndex(at);
        for (const m of messages) live.positions.reaches(m.stream, m.partition, m.offset + 1);
      }
    }
    live.close(endMs);
    expect(crashes).toBeGreaterThan(0);
    // Through JSON, as history is: a p-value that does not exist is NaN in memory and null in the file.
    const plain = (of: Engine) => JSON.parse(JSON.stringify(summary(of, endMs)));
    expect(plain(live)).toEqual(plain(whole));
    expect(new Set(sent.values())).toEqual(new Set([1]));
    expect([...sent.keys()].sort()).toEqual(
      [...whole.windowsBefore('p')].flatMap((w) => w.drift.map(({ id }) => id)).sort(),
    );
  });

  it('refuses what comes after its window closed, what lies in the future, and shadow answers; and counts them', () => {
    const late = engine(metadata());
    for (const message of messages) {
      apply(late, message);
      late.close(message.atMs);
    }
    const again = (change: Partial<PredictionMessage>, offset: number) => {
      const first = messages.find((m) => m.stream === 'predictions')!.value as PredictionMessage;
      late.applyPrediction({ ...first, predictionId: `n${offset}/0`, ...change }, 0, 1e6 + offset, endMs);
    };
    again({}, 1);
    again({ eventTimeMs: endMs + 3 * 86_400_000 }, 2);
    again({ role: 'shadow', eventTimeMs: endMs }, 3);
    expect(late.monitor('p', endMs)!.counters).toMatchObject({
      latePredictions: 1,
      futurePredictions: 1,
      shadowPredictions: 1,
      predictions: 9_000,
    });
  });

  it('closes nothing for one client whose clock is hours ahead, whether it names an entity or not; two it believes', () => {
    const counters = (entities: readonly string[]) => {
      const fed = engine(metadata());
      let sent = 0;
      for (const message of messages) {
        if (message.stream === 'predictions') {
          const { value, partition, atMs } = message;
          fed.applyPrediction(value, partition, 2 * message.offset, atMs);
          const entity = entities[sent % entities.length];
          if (message.offset % 20 === 1 && entity !== undefined) {
            const wrong = { ...value, predictionId: `wrong${sent}/0`, entity, eventTimeMs: atMs + 2 * 3_600_000 };
            fed.applyPrediction(wrong, partition, 2 * message.offset + 1, atMs);
            sent += 1;
          }
        } else apply(fed, message);
        fed.close(message.atMs);
      }
      return { sent, ...fed.monitor('p', endMs)!.counters };
    };
    const nobody = counters([]);
    const one = counters(['wrong', '']);
    expect(one.sent).toBeGreaterThan(100);
    expect({ late: one.latePredictions, closed: one.windowsClosed, joined: one.labelsJoined }).toEqual({
      late: nobody.latePredictions,
      closed: nobody.windowsClosed,
      joined: nobody.labelsJoined,
    });
    expect(one.doubtedTimes).toBe(one.sent);
    expect(counters(['wrong', 'as wrong']).latePredictions).toBeGreaterThan(nobody.latePredictions);
  });

  it('believed the wrong clock of one request by its second row', () => {
    const fed = engine(metadata());
    const first = messages.find(({ stream }) => stream === 'predictions')!;
    const doubted = ['r/0', 'r/1', 's/0'].map((predictionId, i) => {
      const wrong = { entity: '', predictionId, eventTimeMs: first.atMs + 2 * 3_600_000 };
      fed.applyPrediction({ ...(first.value as PredictionMessage), ...wrong }, 0, i, first.atMs);
      return fed.monitor('p', endMs)!.counters.doubtedTimes;
    });
    expect(doubted).toEqual([1, 2, 2]);
  });

  it('judges the same with a shadow’s answer to every row, before or after the live one', () => {
    const predictions = messages.filter(({ stream }) => stream === 'predictions').length;
    const histories = [0, 1].map((shadows) => {
      const fed = engine(metadata());
      for (const message of messages) {
        if (message.stream === 'predictions') {
          // Each has room for its copy's offset beside it, before or after.
          const { value, partition, atMs } = message;
          const at = 3 * message.offset + 1;
          const copyAt = at + (message.offset % 2 === 0 ? -1 : 1);
          const shadow = { ...value, modelVersion: 7, outputs: binaryOutputs(0.999), role: 'shadow' as const };
          if (shadows === 1 && copyAt < at) fed.applyPrediction(shadow, partition, copyAt, atMs);
          fed.applyPrediction(value, partition, at, atMs);
          if (shadows === 1 && copyAt > at) fed.applyPrediction(shadow, partition, copyAt, atMs);
        } else apply(fed, message);
        fed.close(message.atMs);
      }
      expect(fed.monitor('p', endMs)?.counters.shadowPredictions).toBe(shadows * predictions);
      return summary(fed, endMs);
    });
    const [without, withShadows] = histories as [ReturnType<typeof summary>, ReturnType<typeof summary>];
    expect(withShadows.windows).toEqual(without.windows);
    expect(without.windows.length).toBeGreaterThan(5);
  });

  it('judges quality without labels only after label delivery was silent for its idle time', () => {
    const quiet = engine(metadata(), 20_000);
    const onlyPredictions = messages.filter((m) => m.stream === 'predictions');
    const label = messages.find((m) => m.stream === 'labels')!;
    apply(quiet, label);
    let judgedBefore = 0;
    for (const message of onlyPredictions) {
      apply(quiet, message);
      const judged = quiet.close(message.atMs).filter(({ window }) => window.revision > 0).length;
      if (message.atMs < label.atMs + 20_000) judgedBefore += judged;
    }
    expect(judgedBefore).toBe(0);
    expect([...quiet.windowsBefore('p')].filter(({ revision }) => revision > 0).length).toBeGreaterThan(3);
  });

  it('does not tell calm from drift on windows below the minimum of rows', () => {
    const thin = engine(metadata());
    for (const message of messages) {
      if (message.stream === 'predictions' && message.value.modelVersion === 2 && message.offset % 20 !== 0) continue;
      apply(thin, message);
      thin.close(message.atMs);
    }
    for (const window of [...thin.windowsBefore('p')]) {
      const row = window.metrics.find(({ cohort }) => cohort.version === 2);
      if (row !== undefined) expect(row.tests).toEqual([]);
    }
  });
});

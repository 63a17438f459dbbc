// Faults under live traffic: each service is killed with SIGKILL in turn, Kafka hangs for 10 s, Redis is killed. One
// replay runs through all of it; afterwards nothing acknowledged may be missing and nothing may count twice.

import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { DATASET_COLUMNS } from '@millrace/contracts';
import { Platform, REPOSITORY, until } from './support/platform.process.js';

const RATE = 300;
const REPLAY_ROWS = 27_000;
const SERVICES = ['ingest', 'monitor', 'trainer', 'serving', 'router'] as const;
/** Seconds of traffic before the first fault, and between faults: enough to come back and be calm again. */
const FIRST_FAULT_S = 8;
const FAULT_EVERY_S = 10;
const BROKER_DOWN_MS = 10_000;
const READY_WITHIN_MS = 300_000;

interface Summary {
  traffic_started: string;
  requests: number;
  request_failures: number;
  outages: { from: number; to: number; failed: number }[];
  predictions_dropped: number;
  labels_sent: number;
  labels_joined: number;
  dataset_versions: { id: string; kind: string; ordinal: number; rows: number; labelled_rows: number }[];
}

interface Fault {
  what: string;
  /** Wall-clock time. */
  atMs: number;
}

describe('faults during the replay', () => {
  let platform: Platform;
  let up: ReturnType<Platform['spawn']>;
  let summary: Summary;
  const faults: Fault[] = [];
  let answers: string;

  beforeAll(async () => {
    platform = await Platform.create();
    const text = readFileSync(join(REPOSITORY, 'examples/flights/project.yaml'), 'utf8').replace(
      /epochs: \d+/,
      'epochs: 2',
    );
    const project = join(platform.home, 'project.yaml');
    writeFileSync(project, text);
    answers = join(platform.home, 'answers.csv');
    up = platform.spawn(['up']);
    await until(
      () => up.output().includes('Ctrl-C'),
      READY_WITHIN_MS,
      () => `${up.output()}\n${platform.logs()}`,
      up,
    );
    const replay = platform.spawn([
      'replay',
      '--json',
      '--project',
      project,
      '--rows',
      '30000',
      '--replay-rows',
      String(REPLAY_ROWS),
      '--rate',
      String(RATE),
      '--no-shift',
      '--answers',
      answers,
    ]);
    let over = false;
    void replay.finished.then(() => {
      over = true;
    });
    await until(
      () => over || replay.output().includes('replay'),
      120_000,
      () => `${replay.output()}\n${platform.logs()}`,
      replay,
    );
    const startedMs = performance.now();
    const sinceStart = () => (performance.now() - startedMs) / 1_000;
    const reach = async (second: number) => {
      await until(
        () => over || sinceStart() >= second,
        300_000,
        () => `second ${second}`,
      );
      if (over) throw new Error(`the replay ended early:\n${replay.output()}\n${platform.logs()}`);
    };
    for (const [i, service] of SERVICES.entries()) {
      await reach(FIRST_FAULT_S + i * FAULT_EVERY_S);
      faults.push({ what: service, atMs: Date.now() });
      process.kill(platform.pidOf(`services/${service}/src/main.js`), 'SIGKILL');
    }
    const brokersAt = FIRST_FAULT_S + SERVICES.length * FAULT_EVERY_S;
    await reach(brokersAt);
    // They hold their connections and answer nothing, which is the worst kind of down.
    const hung = [platform.pidOf('kafka.Kafka'), platform.pidOf('redis-server')];
    faults.push({ what: 'kafka and redis hang', atMs: Date.now() });
    for (const pid of hung) process.kill(pid, 'SIGSTOP');
    try {
      await reach(brokersAt + BROKER_DOWN_MS / 1_000);
    } finally {
      for (const pid of hung) process.kill(pid, 'SIGCONT');
    }
    faults.push({ what: 'redis', atMs: Date.now() });
    process.kill(platform.pidOf('redis-server'), 'SIGKILL');
    const { output } = await replay.finished;
    const json = output.slice(output.indexOf('\n{') + 1);
    if (!json.startsWith('{')) throw new Error(`no summary:\n${output}\n${platform.logs()}`);
    summary = JSON.parse(json.slice(0, json.lastIndexOf('}') + 1)) as Summary;
  }, 480_000);

  afterAll(() => {
    up?.child.kill('SIGKILL');
    platform?.remove();
  });

  it('answers again within 5 s after a kill of the request path, and fails at no other time', () => {
    expect(summary.requests).toBe(REPLAY_ROWS);
    const causes = faults.filter(({ what }) => what === 'router' || what === 'serving');
    const startedMs = Date.parse(summary.traffic_started);
    const secondsAfter = (fault: Fault, second: number) => second - (fault.atMs - startedMs) / 1_000;
    for (const outage of summary.outages) {
      // A request may have been on its way when the process died; half a second is what two clocks' reading may differ.
      const cause = causes.find(
        (fault) => secondsAfter(fault, outage.from) >= -0.5 && secondsAfter(fault, outage.from) <= 6,
      );
      expect({ outage, cause: cause?.what ?? 'none', faults }).toMatchObject({
        cause: expect.stringMatching(/router|serving/),
      });
      // A failure is told up to the client's deadline after its request was sent; new ones succeed within 5 s.
      expect(secondsAfter(cause as Fault, outage.to)).toBeLessThanOrEqual(6);
    }
  });

  it('has every acknowledged record in a dataset exactly once, with its label', async () => {
    const folder = join(platform.home, 'artifacts/datasets/flights');
    const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) =>
      name.endsWith('.parquet'),
    );
    const live = summary.dataset_versions.filter((version) => version.kind === 'live');
    expect(live.length).toBeGreaterThan(20);
    const paths = live
      .map((version) => files.find((name) => name.includes(version.id)))
      .map((name) => `'${join(folder, name ?? 'missing')}'`);
    const { recordId, eventTimeMs, label } = DATASET_COLUMNS;
    const instance = await DuckDBInstance.create(':memory:');
    const connection = await instance.connect();
    await connection.run(`CREATE VIEW stored AS SELECT "${recordId}" AS record_id, "${eventTimeMs}" AS event_time_ms, "${label}" AS label
       FROM read_parquet([${paths.join(', ')}])`);
    await connection.run(`CREATE VIEW sent AS SELECT * FROM read_csv('${answers}', header = true, all_varchar = true)`);
    const one = async (sql: string) => Number((await connection.runAndReadAll(sql)).getRows()[0]?.[0]);
    const spanMs = 3 * 86_400_000;
    // Spans that are closed: everything before the end of the newest stored span.
    const closedTo = await one(`SELECT (max(event_time_ms) // ${spanMs} + 1) * ${spanMs} FROM stored`);
    expect(await one('SELECT count(*) - count(DISTINCT record_id) FROM stored')).toBe(0);
    expect(
      await one(
        `SELECT count(*) FROM sent WHERE event_time_ms::BIGINT < ${closedTo} AND record_id NOT IN (SELECT record_id FROM stored)`,
      ),
    ).toBe(0);
    expect(await one('SELECT count(*) FROM stored WHERE record_id NOT IN (SELECT record_id FROM sent)')).toBe(0);
    expect(await one('SELECT count(*) FROM stored WHERE label IS NULL')).toBe(0);
    connection.closeSync();
  });

  it('counts no prediction twice and loses no label', () => {
    const answered = summary.requests - summary.request_failures;
    expect(summary.labels_sent).toBe(REPLAY_ROWS);
    // A call that the router's end broke off may have been predicted and logged; none is there twice.
    expect(summary.labels_joined).toBeLessThanOrEqual(summary.requests);
    // Answered but not yet logged when serving was killed: at most one bounded queue.
    const missing = answered - summary.labels_joined;
    expect(missing).toBeLessThanOrEqual(RATE);
  });

  it('stops cleanly after all of it', async () => {
    up.child.kill('SIGTERM');
    expect((await up.finished).code).toBe(0);
    expect(platform.processes()).toEqual([]);
  }, 60_000);
});

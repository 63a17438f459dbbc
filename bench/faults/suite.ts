// Runs of the same rows through one platform: each is a project of its own, with the same model, and is compared with
// one that nobody disturbed.

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { type Rng, seededRng } from '@millrace/domain';
import { eventually } from '@millrace/testing';
import { historyCsv } from '../live/sensors.js';
import { type ComparableVersion, Facts } from './facts.js';
import { EACH, type ReplicatedPlatform } from './replicated-platform.process.js';
import { type Input, LATENESS_MS, projectText, rowOf, SPAN_MS, wholeSpans } from './rows.js';
import { Sender } from './sender.js';

const HISTORY_ROWS = 5_000;
const SERVED_WITHIN_MS = 240_000;
const WINDOWS_WITHIN_MS = 120_000;
/** What nobody disturbs need not take as long. */
const CALM_SPEED = 2;
const DAY_MS = 86_400_000;

export interface Outcome {
  what: string;
  measured: string;
  met: boolean;
}

/** What a fault costs, or brings besides the rows of the input; each stands in a counter. */
export interface Allowed {
  /** That serving could not log; their windows differ by them. */
  lostPredictions: number;
  storedBesides: number;
  predictionsBesides: number;
  /** A dead letter each. */
  refused: number;
  /** At most; as many as the versions say that they hold of earlier spans. */
  lateRecords: number;
  latePredictions: number;
}

const NOTHING: Allowed = {
  lostPredictions: 0,
  storedBesides: 0,
  predictionsBesides: 0,
  refused: 0,
  lateRecords: 0,
  latePredictions: 0,
};

export interface Run {
  sender: Sender;
  facts: Facts;
  rows: number;
  /** Rows that somebody else sent. */
  storedBesides: number;
}

export interface FaultCase {
  readonly name: string;
  readonly says: string;
  /** Of traffic; undefined = until the fault is over. */
  readonly seconds?: number;
  /** Gives what is to be said of the fault itself. */
  disturb(suite: Suite, run: Run): Promise<Outcome[]>;
  /** What the fault may have cost, by the counters of those who know. */
  readonly allowed?: (suite: Suite, run: Run) => Promise<Partial<Allowed>>;
}

export const pause = (ms: number): Promise<void> => new Promise((wake) => setTimeout(wake, ms));

export class Suite {
  readonly rng: Rng;
  private readonly calm = new Map<number, Run>();

  constructor(
    readonly platform: ReplicatedPlatform,
    readonly input: Input,
    readonly say: (line: string) => void,
    seed: number,
  ) {
    this.rng = seededRng(seed);
  }

  /** A project that serves a model by every router. */
  private async begun(project: string): Promise<Facts> {
    const { platform, input } = this;
    const file = (name: string, text: string) => {
      writeFileSync(join(platform.home, name), text);
      return name;
    };
    await platform.millrace('apply', file(`${project}.yaml`, projectText(project)));
    const history = file(`${project}.csv`, historyCsv(HISTORY_ROWS, input.startMs - DAY_MS));
    await platform.millrace('ingest', project, '--file', history);
    await platform.millrace('train', project);
    let inARow = 0;
    const isServed = async () => {
      const answers = await Promise.all(
        [...EACH, ...EACH].map((replica) =>
          fetch(`http://${platform.address('routerHttp', replica)}/v2/models/${project}/ready`).then(({ ok }) => ok),
        ),
      ).catch(() => [false]);
      inARow = answers.every(Boolean) ? inARow + 1 : 0;
      return inARow >= 3;
    };
    await eventually(`${project} serves`, isServed, SERVED_WITHIN_MS);
    return new Facts(platform, project);
  }

  /** A fault under traffic, and what is true afterwards. */
  async outcomes(fault: FaultCase): Promise<Outcome[]> {
    const { name, seconds } = fault;
    const rows = seconds === undefined ? undefined : wholeSpans(this.input, seconds * this.input.ratePerSecond);
    const outcomes: Outcome[] = [];
    const disturb = async (run: Run) => void outcomes.push(...(await fault.disturb(this, run)));
    const run = await this.run(name, disturb, rows);
    const allowed = (await fault.allowed?.(this, run)) ?? {};
    return [...outcomes, ...(await this.judged(run, allowed))];
  }

  /** Sends rows while `disturb` runs: so many, or whole spans until it has ended. */
  private async run(project: string, disturb: (run: Run) => Promise<void>, rows?: number, speed = 1): Promise<Run> {
    const facts = await this.begun(project);
    const sender = new Sender(this.platform, project, this.input, speed);
    const run: Run = { sender, facts, rows: rows ?? 0, storedBesides: 0 };
    if (rows !== undefined) sender.end(rows);
    sender.start();
    try {
      await disturb(run);
      if (rows === undefined) {
        run.rows = wholeSpans(this.input, sender.sent + 1);
        sender.end(run.rows);
      }
      await sender.finished();
    } finally {
      sender.close();
    }
    await facts.closed(run.rows + run.storedBesides);
    return run;
  }

  /** The same rows without a disturbance. */
  private async undisturbed(rows: number): Promise<Run> {
    const known = this.calm.get(rows);
    if (known !== undefined) return known;
    const project = `calm-${rows}`;
    this.say(`  ${project}: ${rows} rows, undisturbed`);
    const calm = await this.run(project, async () => undefined, rows, CALM_SPEED);
    this.calm.set(rows, calm);
    const isJoined = async () => (await calm.facts.counters()).labelsJoined === rows;
    await eventually('every label is joined', isJoined, WINDOWS_WITHIN_MS).catch(async () => {
      throw new Error(`undisturbed, and not every label is joined: ${JSON.stringify(await calm.facts.counters())}`);
    });
    return calm;
  }

  /** What must hold of every run. */
  private async judged(run: Run, allowed: Partial<Allowed>): Promise<Outcome[]> {
    const { sender, rows } = run;
    const all: Allowed = { ...NOTHING, ...allowed };
    const outcomes: Outcome[] = [];
    const judge = (what: string, met: boolean, measured: string) => outcomes.push({ what, met, measured });
    judge(
      'no request fails but a connection that the client opens anew',
      sender.failed === 0 && sender.answered === rows,
      `${sender.answered} of ${rows} answered, ${sender.reopened} asked for again over another connection ` +
        `${sender.failures.join('; ')}`,
    );
    const { records, labels } = sender;
    judge(
      'every record and label is acknowledged',
      records.refused + labels.refused === 0 && records.acknowledged === rows && labels.acknowledged === rows,
      `${records.acknowledged} records, ${labels.acknowledged} labels, streams opened anew ` +
        `${records.reopened + labels.reopened} times ${[...records.refusals, ...labels.refusals].join('; ')}`,
    );
    judge('what is acknowledged is stored, once, with its label', ...(await this.isStored(run, all)));
    const calm = await this.undisturbed(rows);
    judge('dataset versions are those of an undisturbed run', ...(await this.sameVersions(run, calm)));
    if (all.lostPredictions === 0)
      judge('windows are those of an undisturbed run', ...(await this.sameWindows(run, calm)));
    judge('nothing is lost, late or refused that is not counted', ...(await this.counted(run, all)));
    return outcomes;
  }

  private async isStored({ facts, rows }: Run, allowed: Allowed): Promise<[boolean, string]> {
    const stored = await facts.rows();
    const labels = new Map(stored.map(({ recordId, label }) => [recordId, label]));
    let wrong = 0;
    for (let row = 0; row < rows; row++) {
      const { recordId, failed } = rowOf(this.input, row);
      if (labels.get(recordId) !== Number(failed)) wrong += 1;
    }
    const wanted = rows + allowed.storedBesides;
    const met = stored.length === wanted && labels.size === wanted && wrong === 0;
    return [met, `${stored.length} rows, ${labels.size} ids of ${wanted}, ${wrong} without their label`];
  }

  /** Spans that the undisturbed run has; where a version holds rows of others besides, so many rows fewer. */
  private async sameVersions(run: Run, calm: Run): Promise<[boolean, string]> {
    const wanted = await calm.facts.versions();
    const spans = new Set(wanted.map(({ startMs }) => startMs));
    const versions = (await run.facts.versions()).filter(({ startMs }) => spans.has(startMs));
    const differs = (version: ComparableVersion, i: number): boolean => {
      if (version.lateRows === 0) return !isDeepStrictEqual(version, wanted[i]);
      return version.rows - version.lateRows !== wanted[i]?.rows || version.labelledRows !== wanted[i]?.labelledRows;
    };
    const other = versions.findIndex(differs);
    const met = other < 0 && versions.length === wanted.length;
    const difference = other < 0 ? '' : `: ${JSON.stringify(versions[other])} for ${JSON.stringify(wanted[other])}`;
    const children = versions.filter(({ isChild }) => isChild).length;
    return [met, `${versions.length} of ${wanted.length}, ${children} with newer labels${difference}`];
  }

  private async sameWindows(run: Run, calm: Run): Promise<[boolean, string]> {
    let said = '';
    // The last ones stay open, for no later event time comes.
    const count = Math.floor(((1_000 * run.rows) / this.input.ratePerSecond - LATENESS_MS) / SPAN_MS) - 1;
    const isSame = async () => {
      const wanted = await calm.facts.windows();
      const spans = new Set(wanted.map(({ startMs }) => startMs));
      const windows = (await run.facts.windows()).filter(({ startMs }) => spans.has(startMs));
      const other = windows.findIndex((window, i) => !isDeepStrictEqual(window, wanted[i]));
      const difference = other < 0 ? '' : `: ${JSON.stringify(windows[other])} for ${JSON.stringify(wanted[other])}`;
      said = `${windows.length} of ${wanted.length}, at least ${count} wanted${difference}`;
      return other < 0 && windows.length === wanted.length && windows.length >= count;
    };
    const met = await eventually('the same windows', isSame, WINDOWS_WITHIN_MS).catch(() => false);
    return [met, said];
  }

  private async counted({ facts, rows }: Run, allowed: Allowed): Promise<[boolean, string]> {
    let said = '';
    const isCounted = async () => {
      const { deadLettered = 0, lateRecords = 0, lateLabels = 0 } = await facts.statistics();
      const letters = await facts.deadLetters();
      const { predictions = 0, labelsJoined = 0, latePredictions = 0, unmatchedLabels = 0 } = await facts.counters();
      const lateRows = (await facts.versions()).reduce((sum, version) => sum + version.lateRows, 0);
      said =
        `${deadLettered} dead letters (${letters} listed), ${lateRecords} late records (${lateRows} in versions), ` +
        `${lateLabels} late labels; ` +
        `${predictions} predictions, ${allowed.lostPredictions} counted as lost, ${latePredictions} late, ` +
        `${labelsJoined} labels joined, ${unmatchedLabels} unmatched`;
      return (
        deadLettered === allowed.refused &&
        letters === allowed.refused &&
        lateRecords === lateRows &&
        lateRecords <= allowed.lateRecords &&
        lateLabels === 0 &&
        latePredictions === allowed.latePredictions &&
        predictions + allowed.lostPredictions === rows + allowed.predictionsBesides &&
        labelsJoined + unmatchedLabels === rows &&
        unmatchedLabels <= allowed.lostPredictions
      );
    };
    const met = await eventually('everything is counted', isCounted, WINDOWS_WITHIN_MS).catch(() => false);
    return [met, said];
  }
}

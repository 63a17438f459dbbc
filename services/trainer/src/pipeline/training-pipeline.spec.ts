// The pipeline in one process: real plans, real training of a logistic network, real metrics and gates; files are a
// map, and the two runtimes are the reference forward pass. What real workers and runtimes do:
// services/trainer/test/training.int-spec.ts.

import { describe, expect, it } from '@jest/globals';
import type { ModelVersion, TrainingStep } from '@millrace/contracts';
import { ManualClock, seededRng, type TrainingRequest } from '@millrace/domain';
import { metricIn, metricNamed } from '@millrace/evaluation';
import { encodeRows } from '@millrace/features';
import { fitLogistic, forward, type Network, parameterOf, scoreLogistic, sigmoid } from '@millrace/models';
import { type Project, parseProject } from '@millrace/project';
import type { PackageFiles } from '../packaging/package-contents.js';
import type { Batch, EncodedRows } from '../training/batch.js';
import type { TrainSpec } from '../training/job.js';
import { type GradientEngine, train } from '../training/train-loop.js';
import { evaluateRows, type Opponent } from './evaluate.js';
import type { LabelledRows } from './load.js';
import type { EarlierModel } from './plan.js';
import { idHash, splitRule } from './split.js';
import { type PipelinePorts, runTraining } from './training-pipeline.js';
import { runTrial, type Trial } from './trial.js';

const LOG_LOSS = metricNamed('log_loss');

function projectOf(more = ''): Project {
  const parsed = parseProject(
    `
name: shop
data:
  entity: region
  eventTime: at
  columns:
    - { name: at, type: timestamp, required: true }
    - { name: region, type: text, required: true }
    - { name: size, type: integer, required: true }
    - { name: market, type: text }
    - { name: returned, type: number, outcome: true }
  label: { name: returned, column: returned }
features:
  - { name: region, kind: categorical }
  - { name: size, kind: categorical }
model: { kind: logistic, crosses: [{ columns: [region, size], buckets: 512, embedding: 0 }] }
training: { learningRate: 0.1, batchRows: 512, epochs: 8 }
${more}`,
    'project.yaml',
  );
  if (parsed.kind !== 'ok') throw new Error(JSON.stringify(parsed.faults));
  return parsed.project;
}

/** Region and size decide together, which one-hot columns cannot see; `turned` swaps which pairs do. */
function rowsOf(turned = false): LabelledRows {
  const rng = seededRng(turned ? 2 : 1);
  const rows = 4_000;
  const columns = { region: [] as string[], size: [] as number[], market: [] as string[] };
  const labels = new Float32Array(rows);
  for (let i = 0; i < rows; i++) {
    const [region, size] = [rng.below(6), rng.below(6)];
    columns.region.push(`r${region}`);
    columns.size.push(size);
    columns.market.push(rng.next() < 0.7 ? 'home' : 'abroad');
    labels[i] = Number(rng.next() < ((region + size) % 2 === Number(turned) ? 0.7 : 0.2));
  }
  return {
    columns,
    labels,
    eventTimeMs: Float64Array.from({ length: rows }, (_, i) => 1_000 + i),
    idHashes: null,
    rows,
  };
}

/** The gradient and the losses of a logistic network, by their definition. */
class LogisticGradient implements GradientEngine {
  private weights: Float32Array = new Float32Array(0);

  constructor(private readonly network: Network) {}

  assign(weights: Float32Array): void {
    this.weights = weights;
  }

  gradient(batch: Batch, into: Float32Array): number {
    const [wide, bias] = ['wide', 'bias'].map((name) => parameterOf(this.network, this.weights, name));
    const [ofWide, ofBias] = ['wide', 'bias'].map((name) => parameterOf(this.network, into, name));
    into.fill(0);
    const columns = this.network.wide.columns.length;
    let loss = 0;
    for (const [row, label] of batch.labels.entries()) {
      const picked = batch.wide.subarray(row * columns, (row + 1) * columns);
      const p = sigmoid(picked.reduce((z, at) => z + wide![at]!, bias![0]!));
      for (const at of picked) ofWide![at]! += p - label;
      ofBias![0]! += p - label;
      loss -= Math.log(label === 1 ? p : 1 - p);
    }
    return loss;
  }

  losses(batch: Batch): Float32Array {
    const [wide, bias] = ['wide', 'bias'].map((name) => parameterOf(this.network, this.weights, name));
    const columns = this.network.wide.columns.length;
    return batch.labels.map((label, row) => {
      const picked = batch.wide.subarray(row * columns, (row + 1) * columns);
      const p = sigmoid(picked.reduce((z, at) => z + wide![at]!, bias![0]!));
      return -Math.log(label === 1 ? p : 1 - p);
    });
  }
}

interface World {
  ports: PipelinePorts;
  announced: ModelVersion[];
  packages: Map<string, PackageFiles>;
  files: Map<string, Float32Array | EncodedRows>;
  asked: string[][];
  logged: unknown[];
  /** The dataset versions of each reading. */
  read: string[][];
}

/** An earlier version: what it starts a later one from, and how it answers. */
type Earlier = EarlierModel & Pick<Opponent, 'score'>;

function aWorld(
  rows: LabelledRows,
  earlier: Record<number, Earlier> = {},
  rules: Readonly<Record<string, string>> = {},
): World {
  const files: World['files'] = new Map();
  const announced: ModelVersion[] = [];
  const packages: World['packages'] = new Map();
  const asked: string[][] = [];
  const read: string[][] = [];
  const logged: World['logged'] = [];
  const scored = (network: Network, weights: Float32Array, encoded: Float32Array) =>
    Float32Array.from(forward(network, weights, encoded));
  let model: { network: Network; weights: Float32Array };
  const ports: PipelinePorts = {
    rows: {
      versions: (_project, ids) =>
        ids.map((id) => ({ id, kind: 'import', source: `upload:${id}.csv`, labelRule: rules[id] ?? '' })),
      read: async (_project, versions, columns) => {
        asked.push(columns.map(({ name }) => name));
        read.push([...versions]);
        return { ...rows, leftOut: { withoutLabel: rows.rows === 0 ? 170 : 3, repeats: 2 }, warnings: [] };
      },
    },
    models: {
      earlier: async (_project, version) => earlier[version] as Earlier,
      opponent: async (_project, version) => {
        const { plan, score, labelRule } = earlier[version] as Earlier;
        return { version, labelRule, inputs: plan.inputs, score, servesScore: true };
      },
      inService: () => 0,
      latestBlessed: () => Math.max(0, ...Object.keys(earlier).map(Number)),
    },
    files: {
      writeData: (path, data) => {
        files.set(path, data);
        return { path, rows: data.labels.length, width: data.width, sha256: 'x' };
      },
      writeFloats: (path, values) => {
        files.set(path, values);
        return 'x';
      },
      readFloats: async (path) => files.get(path) as Float32Array,
      remove: (folder) => {
        for (const path of files.keys()) if (path.startsWith(`${folder}/`)) files.delete(path);
      },
    },
    workers: {
      run: async (_id, workers, job, progress) => {
        if (job.kind === 'logistic') {
          const { values, labels } = files.get(job.data.path) as EncodedRows;
          files.set(job.resultPath, await fitLogistic(job.network, { encoded: values, labels }, async () => {}));
          return { workers };
        }
        const spec = job as TrainSpec;
        const weights = await train(
          spec,
          files.get(spec.data.path) as EncodedRows,
          files.get(spec.initialWeights.path) as Float32Array,
          null,
          {
            ...{ rank: 0, worldSize: 1, engine: new LogisticGradient(spec.network), progress },
            ...{ all: { sum: async () => {} }, keep: async () => {}, aborted: () => false, breathe: async () => {} },
          },
        );
        files.set(spec.resultPath, weights);
        return { workers };
      },
    },
    scorer: { score: async (network, weights, encoded) => scored(network, weights, encoded) },
    publish: {
      onnx: (network, weights) => {
        model = { network, weights };
        return new Uint8Array(1);
      },
      reference: () => new Uint8Array(1),
      scoreOnnx: async (_model, data) => scored(model.network, model.weights, data.values),
      scoreTfjs: async (_id, _files, data) => scored(model.network, model.weights, data.values),
      nextVersion: () => announced.length + 1,
      putFolder: async (path, contents) => packages.set(path, contents),
      announce: async (version) => {
        announced.push(version);
      },
      hash: (parts) => `${parts.length}`,
    },
    clock: new ManualClock(),
    log: (message, facts) => logged.push([message, facts]),
  };
  return { logged, ports, announced, packages, files, asked, read };
}

const request: TrainingRequest = {
  ...{ project: 'shop', datasetVersions: ['a'], evaluateFromMs: 0, evaluationShare: 0.25, warmStartVersion: 0 },
  ...{ workers: 1, seed: 7, trigger: 'manual', correlationId: 'c' },
};
const settings = { id: 't', workers: 1, seed: 7, split: splitRule(projectOf(), request), parent: null };
const silent = { report: () => undefined };

async function modelOf(rows: LabelledRows): Promise<Earlier & { trial: Trial }> {
  const trial = await runTrial(rows, { ...settings, project: projectOf() }, silent, aWorld(rows).ports);
  const { plan, network, weights } = trial;
  const score: Earlier['score'] = async ({ columns }) =>
    Float32Array.from(forward(network, weights, encodeRows(plan, columns)));
  return { plan, network, weights, score, trial, labelRule: 'returned as it is' };
}

describe('a trial', () => {
  it('gives weights and an evaluation of later rows, and announces and packs nothing', async () => {
    const world = aWorld(rowsOf());
    const steps: TrainingStep[] = [];
    const reporter = { report: (step: TrainingStep) => steps.push(step) };
    const trial = await runTrial(rowsOf(), { ...settings, project: projectOf() }, reporter, world.ports);
    expect(trial.weights).toHaveLength(trial.network.size);
    expect(trial.evaluation).toMatchObject({ rows: 1_000, eventTimeFromMs: 4_000, eventTimeToMs: 4_999 });
    expect(metricIn(trial.evaluation, metricNamed('auc'))).toBeGreaterThan(0.7);
    expect(trial.positiveShare).toBeCloseTo(0.45, 1);
    expect(steps[0]).toMatchObject({ kind: 'started', trainRows: 3_000, evaluationRows: 1_000, steps: 48 });
    expect(steps.at(-1)).toMatchObject({ kind: 'progress', step: 48, steps: 48 });
    expect([world.announced, [...world.packages]]).toEqual([[], []]);
  });

  it('is the same again for the same seed, and another for another', async () => {
    const of = async (seed: number) =>
      (await runTrial(rowsOf(), { ...settings, seed, project: projectOf() }, silent, aWorld(rowsOf()).ports)).weights;
    const first = await of(7);
    expect(await of(7)).toEqual(first);
    expect(await of(8)).not.toEqual(first);
  });

  it("starts from its parent's weights where they fit, and from scratch where the project has changed", async () => {
    const parent = await modelOf(rowsOf());
    const few = projectOf('scope: { task: binary }');
    few.training.epochs = 1;
    few.training.learningRate = 1e-9;
    const evaluated = async (project: Project) =>
      (await runTrial(rowsOf(), { ...settings, project, parent }, silent, aWorld(rowsOf()).ports)).evaluation;
    const kept = metricIn(await evaluated(few), LOG_LOSS);
    expect(kept).toBeCloseTo(metricIn(parent.trial.evaluation, LOG_LOSS), 4);
    const changed = metricIn(
      await evaluated({ ...few, features: few.features.slice(0, 1), model: { ...few.model, crosses: [] } }),
      LOG_LOSS,
    );
    expect(changed).toBeGreaterThan(kept + 0.05);
  });
});

describe('a trial of which the project says no passes', () => {
  const free = () => {
    const project = projectOf();
    delete project.training.epochs;
    return project;
  };

  it('ends where held-out rows show no gain, better than the regression it started from', async () => {
    const steps: TrainingStep[] = [];
    const reporter = { report: (step: TrainingStep) => steps.push(step) };
    const trial = await runTrial(rowsOf(), { ...settings, project: free() }, reporter, aWorld(rowsOf()).ports);
    const [started, last] = [steps[0], steps.at(-1)];
    if (started?.kind !== 'started' || last?.kind !== 'progress') throw new Error('no steps');
    expect(last.step).toBeLessThan(started.steps);
    const regression = evaluateRows(free(), trial.later, scoreLogistic(trial.baseline, trial.later.columns));
    expect(metricIn(trial.evaluation, LOG_LOSS)).toBeLessThan(metricIn(regression, LOG_LOSS) - 0.05);
  });

  it('is the regression of all rows where crosses tell nothing besides', async () => {
    const rows = rowsOf();
    const rng = seededRng(3);
    rows.labels.forEach((_, i) => {
      rows.labels[i] = Number(rng.next() < 0.2 + (rows.columns.size?.[i] as number) / 10);
    });
    const trial = await runTrial(rows, { ...settings, project: free() }, silent, aWorld(rows).ports);
    const scores = Float32Array.from(scoreLogistic(trial.baseline, trial.later.columns));
    expect(trial.scores).toEqual(scores);
  });

  it('is that regression where held-out rows took the network for better and later rows do not, and says so', async () => {
    const rows = rowsOf();
    const rng = seededRng(3);
    for (let i = 3_000; i < rows.rows; i++) {
      const isOdd = (Number(`${rows.columns.region?.[i]}`.slice(1)) + (rows.columns.size?.[i] as number)) % 2 === 1;
      rows.labels[i] = Number(rng.next() < (isOdd ? 0.7 : 0.2));
    }
    const trial = await runTrial(rows, { ...settings, project: free() }, silent, aWorld(rows).ports);
    expect(trial.scores).toEqual(Float32Array.from(scoreLogistic(trial.baseline, trial.later.columns)));
    expect(trial.warnings).toEqual([
      expect.stringMatching(
        /^Log loss of the network was \d\.\d{4} on 1000 rows, of the logistic regression of the same rows 0\.\d{4}: the regression is the model\.$/,
      ),
    ]);
    const asked = await runTrial(rows, { ...settings, project: projectOf() }, silent, aWorld(rows).ports);
    expect(metricIn(asked.evaluation, LOG_LOSS)).toBeGreaterThan(metricIn(trial.evaluation, LOG_LOSS) + 0.05);
    expect(asked.warnings).toEqual([]);
  });

  it('is that regression at a warm start, too, which the loop makes: the parent was worse than it without a word', async () => {
    // Later rows turn round what crosses have learnt; the regression sees none of it.
    const rows = rowsOf();
    const parent = await modelOf(rows);
    const rng = seededRng(3);
    for (let i = 3_000; i < rows.rows; i++) {
      const isOdd = (Number(`${rows.columns.region?.[i]}`.slice(1)) + (rows.columns.size?.[i] as number)) % 2 === 1;
      rows.labels[i] = Number(rng.next() < (isOdd ? 0.7 : 0.2));
    }
    const trial = await runTrial(rows, { ...settings, project: free(), parent }, silent, aWorld(rows).ports);
    expect(trial.scores).toEqual(Float32Array.from(scoreLogistic(trial.baseline, trial.later.columns)));
    expect(trial.warnings).toEqual([
      expect.stringMatching(
        /^Log loss of the network was .* regression of the same rows .*: the regression is the model/,
      ),
    ]);
  });
});

describe('a training', () => {
  const withMarket = () => {
    const project = projectOf();
    return { ...project, features: [...project.features, { name: 'market', kind: 'categorical' as const }] };
  };

  it('says what it left out, in its end, in the version and in the package', async () => {
    const rows = rowsOf();
    rows.columns = { ...rows.columns, market: Array.from(rows.labels, () => 'home') };
    const { ports, announced, packages } = aWorld(rows);
    const end = await runTraining('t-1', request, withMarket(), silent, ports);
    const said = ['Feature "market" is left out: it is home in all 3000 training rows, up to rounding.'];
    const evaluation = JSON.parse(packages.get('models/shop/1')?.['evaluation.json'] as string);
    expect([end.warnings, announced[0]?.warnings, evaluation.warnings]).toEqual([said, said, said]);
  });

  it('fails where no row has a label, and says so: "of 0 rows 0 would train and 0 evaluate"', async () => {
    const none: LabelledRows = {
      ...{ columns: {}, labels: new Float32Array(), eventTimeMs: new Float64Array(), idHashes: null, rows: 0 },
    };
    await expect(runTraining('t-1', request, projectOf(), silent, aWorld(none).ports)).rejects.toThrow(
      'of 170 rows of dataset version a (a.csv) none has a label, and there is nothing to learn: send what became of ' +
        'them (`millrace labels add shop --file FILE`), or choose others',
    );
  });

  it('says in the package which rows it left out', async () => {
    const { ports, packages } = aWorld(rowsOf());
    await runTraining('t-1', request, projectOf(), silent, ports);
    const evaluation = JSON.parse(packages.get('models/shop/1')?.['evaluation.json'] as string);
    expect(evaluation.rows).toEqual({ train: 3_000, heldOut: 0, evaluation: 1_000, withoutLabel: 3, repeats: 2 });
  });

  it('fails where no feature tells the rows apart', async () => {
    const rows = rowsOf();
    const project = withMarket();
    rows.columns = { ...rows.columns, market: Array.from(rows.labels, () => 'home') };
    const alone = { ...project, features: project.features.slice(2), model: { ...project.model, crosses: [] } };
    await expect(runTraining('t-1', request, alone, silent, aWorld(rows).ports)).rejects.toThrow(
      'no feature tells the rows apart. Feature "market" is left out',
    );
  });

  it('starts from scratch where its parent left out what moves now, and says so', async () => {
    const still = rowsOf();
    still.columns = { ...still.columns, market: Array.from(still.labels, () => 'home') };
    const parent = await runTrial(still, { ...settings, project: withMarket() }, silent, aWorld(still).ports);
    const score: Earlier['score'] = async (asked) => new Float32Array(asked.rows).fill(0.5);
    const { ports } = aWorld(rowsOf(), { 1: { ...parent, score, labelRule: '' } });
    const end = await runTraining('t-2', { ...request, warmStartVersion: 1 }, withMarket(), silent, ports);
    expect(end.warnings).toEqual([
      'The training started from scratch, not from its parent version: feature "market" was the same in all its rows and is not any more.',
    ]);
  });

  describe('where the label rule of the project file has changed', () => {
    const [now, then] = ['returned as it is', 'returned = "yes"'];

    it('leaves out what was labelled by another one, and says which, how many and what to do', async () => {
      const { ports, announced, read, packages } = aWorld(rowsOf(), {}, { a: then, b: now, c: '' });
      const both = { ...request, datasetVersions: ['a', 'b', 'c'], leaveOutUnfit: true };
      const { warnings } = await runTraining('t-1', both, projectOf(), silent, ports);
      expect(warnings).toEqual([
        '1 of 3 dataset versions left out: the labels of dataset version a (a.csv) were made by another rule ' +
          '(returned = "yes") than that of the project file (returned as it is): ingest its file again ' +
          '(`millrace ingest shop --file a.csv`).',
      ]);
      expect(read).toEqual([['b', 'c']]);
      expect(announced[0]).toMatchObject({ datasetVersions: ['b', 'c'], labelRule: now, warnings });
      expect(JSON.parse(packages.get('models/shop/1')?.['lineage.json'] as string)).toMatchObject({
        datasetVersions: ['b', 'c'],
        labelRule: now,
      });
    });

    it.each([
      ['named versions of another one', ['a', 'b'], undefined, /^the labels of dataset version a \(a\.csv\) were/],
      ['to go on without any', ['a'], true, /^no dataset version is left to train on: the labels of .*ingest its file/],
    ])('refuses %s', async (_, datasetVersions, leaveOutUnfit, said) => {
      const { ports, announced } = aWorld(rowsOf(), {}, { a: then, b: now });
      const asked = { ...request, datasetVersions, leaveOutUnfit };
      const failure = await runTraining('t-1', asked, projectOf(), silent, ports).catch((error: unknown) => error);
      expect(failure).toMatchObject({ code: 'invalid_argument', reason: expect.stringMatching(said) });
      expect(announced).toEqual([]);
    });

    it('neither starts from nor compares with a version that answers another one', async () => {
      const rows = rowsOf();
      const parent = { ...(await modelOf(rows)), labelRule: then };
      const { ports, announced } = aWorld(rows, { 1: parent });
      const { warnings } = await runTraining('t-2', { ...request, warmStartVersion: 1 }, projectOf(), silent, ports);
      expect(warnings).toEqual([
        `Version 1 (the newest blessed) was not compared with: it answers ${then}, and the project file says ${now} now.`,
        `The training started from scratch, not from its parent version: it learnt ${then}, and the project file says ${now} now.`,
      ]);
      expect(announced[0]).toMatchObject({ championVersion: 0 });
    });
  });

  it('does not compare with a version that takes a column as another type', async () => {
    const rows = rowsOf();
    const model = await modelOf(rows);
    const inputs = model.plan.inputs.map((input) => ({ ...input, type: 'text' as const }));
    const { ports, announced } = aWorld(rows, { 1: { ...model, plan: { ...model.plan, inputs } } });
    const { warnings } = await runTraining('t-2', request, projectOf(), silent, ports);
    expect(warnings).toEqual([
      'Version 1 (the newest blessed) was not compared with: it takes column "size" as text, which is integer in the project file now.',
    ]);
    expect(announced[0]).toMatchObject({ championVersion: 0 });
  });

  it('announces a judged version with its package, and leaves no working files', async () => {
    const { ports, announced, packages, files } = aWorld(rowsOf());
    const end = await runTraining('t-1', request, projectOf(), silent, ports);
    expect(end).toMatchObject({ version: 1, blessed: true });
    expect(announced).toHaveLength(1);
    expect(announced[0]).toMatchObject({
      project: 'shop',
      version: 1,
      trainingId: 't-1',
      trainRows: 3_000,
      slices: [],
    });
    expect(announced[0]?.baselines.map(({ name, kind }) => [name, kind])).toEqual([
      ['majority', 'trivial'],
      ['logistic', 'older_system'],
    ]);
    expect(end.reasons).toHaveLength(3);
    expect(end.verdict).toMatch(
      /^version 1 is blessed: log loss 0\.\d{4} on 1000 rows that it had not seen; the trivial baseline 0\.\d{4}, the logistic baseline 0\.\d{4}$/,
    );
    expect(announced[0]).toMatchObject({ verdict: end.verdict, warnings: [] });
    const written = packages.get('models/shop/1');
    const evaluation = JSON.parse(written?.['evaluation.json'] as string);
    expect(evaluation.verdict).toBe(end.verdict);
    const { lower, upper } = evaluation.intervals.auc;
    expect(lower).toBeLessThan(evaluation.evaluation.metrics.auc);
    expect(upper).toBeGreaterThan(evaluation.evaluation.metrics.auc);
    expect([...files]).toEqual([]);
  });

  it('without event time and entity evaluates rows by the hash of their ids, and says so in the package', async () => {
    const bare = projectOf();
    bare.data.eventTime = undefined;
    bare.data.entity = undefined;
    const rows = rowsOf();
    rows.idHashes = Uint32Array.from({ length: rows.rows }, (_, i) => idHash(`r${i}`, bare.training.seed));
    const { ports, announced, packages } = aWorld(rows);
    expect(await runTraining('t-1', request, bare, silent, ports)).toMatchObject({ version: 1, blessed: true });
    const wanted = rows.idHashes.filter((hash) => hash < 0.25 * 2 ** 32).length;
    expect(announced[0]).toMatchObject({
      trainRows: rows.rows - wanted,
      evaluation: { rows: wanted, eventTimeFromMs: 0, eventTimeToMs: 0 },
    });
    const split = { by: 'record id', evaluationShare: 0.25, seed: 7 };
    const written = packages.get('models/shop/1');
    for (const file of ['evaluation.json', 'lineage.json'])
      expect(JSON.parse(written?.[file] as string)).toMatchObject({ split });
  });

  it('reads the slice columns besides the inputs, and evaluates their values apart', async () => {
    const { ports, announced, asked } = aWorld(rowsOf());
    await runTraining('t-1', request, projectOf('evaluation: { slices: [market, size] }'), silent, ports);
    expect(asked).toEqual([['region', 'size', 'market']]);
    const slices = announced[0]?.slices ?? [];
    expect(slices.map(({ column, value }) => `${column} ${value}`).slice(0, 2)).toEqual([
      'market home',
      'market abroad',
    ]);
    expect(slices.filter(({ column }) => column === 'size')).toHaveLength(6);
    expect(slices[0]!.evaluation.rows + slices[1]!.evaluation.rows).toBe(1_000);
  });

  it('compares with the baselines of the project, and with no others', async () => {
    const scope = (baselines: string) => projectOf(`scope: { baselines: ${baselines} }`);
    const run = async (project: Project) => {
      const { ports, announced } = aWorld(rowsOf());
      const { blessed, reasons } = await runTraining('t-1', request, project, silent, ports);
      return { blessed, reasons, baselines: announced[0]?.baselines };
    };
    const hard = await run(scope('[{ name: majority, kind: trivial }, { name: clerks, kind: human, value: 0.3 }]'));
    expect(hard.blessed).toBe(false);
    expect(hard.reasons[0]).toMatch(/^Log loss is lower than the trivial baseline's: /);
    expect(hard.reasons[1]).toMatch(/^AUC is above what answers by chance reach once in 1,000 times: /);
    expect(hard.reasons[2]).toMatch(
      /^Log loss is not lower than the clerks baseline's: .* against 0.3000, as stated, on/,
    );
    expect(hard.baselines?.[1]).toEqual({ name: 'clerks', kind: 'human', value: 0.3 });
    expect(await run(scope('[]'))).toMatchObject({
      blessed: true,
      reasons: [
        expect.stringMatching(/^Log loss is lower than the trivial baseline's: /),
        expect.stringMatching(/^AUC is above what answers by chance reach /),
      ],
      baselines: [],
    });
  });

  it.each([
    ['log_loss', 'Log loss is lower than'],
    ['auc', 'AUC is higher than'],
    ['brier', 'Brier score is lower than'],
  ])('decides by scope.metric: %s', async (metric, words) => {
    const champion = await modelOf(rowsOf());
    const { ports, announced } = aWorld(rowsOf(true), { 3: champion });
    const project = projectOf(`scope: { metric: ${metric} }`);
    const end = await runTraining('t-1', request, project, silent, ports);
    expect(end).toMatchObject({ blessed: true });
    expect(end.reasons).toEqual([
      expect.stringContaining(`${words} the trivial baseline's: `),
      expect.stringContaining('AUC is above what answers by chance reach '),
      expect.stringContaining(`${words} version 3's (the newest blessed): `),
    ]);
    expect(announced[0]).toMatchObject({ championVersion: 3, championStanding: 'the newest blessed' });
    expect(announced[0]?.championEvaluation?.rows).toBe(1_000);
    expect(announced[0]?.championComparison).toMatchObject({ metric, rows: 1_000, confidence: 0.8 });
    expect(announced[0]?.championComparison?.value).toBe(announced[0]?.evaluation?.metrics[metric]);
    expect(announced[0]?.championComparison?.other).toBe(announced[0]?.championEvaluation?.metrics[metric]);
    expect(announced[0]?.championScores).toMatchObject({ rows: 1_000, below: expect.any(Number) });
    expect(announced[0]?.trivialComparison).toMatchObject({ metric, rows: 1_000 });
    expect(end.verdict).toMatch(
      / version 3 \(the newest blessed\) \d\.\d{4}, difference [−+]0\.\d{4}, 80 % of [−+]0\.\d{4} to [−+]0\.\d{4}$/,
    );
    // Asked to beat none, it meets the baselines.
    const free = await runTraining('t-2', { ...request, championVersion: 0 }, project, silent, ports);
    expect(free.reasons).toHaveLength(3);
    expect(free.verdict).not.toContain('difference');
  });

  describe('that goes on from its parent', () => {
    const runs = async ({ weights, ...model }: Earlier, factor: number, champion?: number) => {
      const world = aWorld(rowsOf(), { 1: { ...model, weights: weights.map((weight) => factor * weight) } });
      const steps: TrainingStep[] = [];
      const reporter = { report: (step: TrainingStep) => steps.push(step) };
      const jobs: string[] = [];
      const { run } = world.ports.workers;
      world.ports.workers.run = (id, ...job) => run(jobs[jobs.push(id) - 1] as string, ...job);
      const asked = { ...request, warmStartVersion: 1, championVersion: champion };
      const end = await runTraining('t-2', asked, projectOf(), reporter, world.ports);
      const lineage = JSON.parse(world.packages.get('models/shop/1')?.['lineage.json'] as string);
      return { ...world, end, lineage, jobs, trainings: steps.filter(({ kind }) => kind === 'started').length };
    };

    it.each([
      [-4, 'it was not blessed', 'Log loss 0'],
      [-30, 'it failed', 'the loss is Infinity at step'],
    ])('is trained again from scratch where a broken parent keeps it down (%d): %s', async (factor, why, because) => {
      const { end, trainings, files, lineage, logged, jobs } = await runs(await modelOf(rowsOf(true)), factor);
      expect([end.blessed, trainings, files.size, logged.length]).toEqual([true, 2, 0, 1]);
      const said = `trained from scratch, for from version 1's weights ${why}`;
      expect(end.verdict).toContain(`; ${said} (${because}`);
      expect(end.warnings.at(-1)).toContain(`It is ${said}: ${because}`);
      expect(lineage).toMatchObject({ parentVersion: 1, fromParent: false });
      // No job goes on from a checkpoint of another; a cancelled training's are known by its id.
      expect([new Set(jobs).size, jobs.every((id) => id.startsWith('t-2-'))]).toEqual([jobs.length, true]);
    });

    it('is not where it is blessed', async () => {
      const { end, trainings, lineage } = await runs(await modelOf(rowsOf()), 1, 0);
      expect([end.blessed, trainings, end.warnings, lineage.fromParent]).toEqual([true, 1, [], true]);
    });
  });
});

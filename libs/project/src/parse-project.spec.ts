import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { METRICS } from '@millrace/evaluation';
import { DEFAULT_STRATEGY } from '@millrace/routing';
import { LOANS as minimal } from '../test/loans.js';
import { parseProject, projectFromDocument } from './parse-project.js';
import { projectSchema } from './schema.js';

const flights = readFileSync(new URL('../../../examples/flights/project.yaml', import.meta.url), 'utf8');

function faultsOf(text: string) {
  const parsed = parseProject(text, 'project.yaml');
  if (parsed.kind === 'ok') throw new Error('expected faults');
  return parsed.faults;
}

describe('parseProject', () => {
  it('reads the flights example', () => {
    const parsed = parseProject(flights, 'project.yaml');
    if (parsed.kind === 'invalid') throw new Error(JSON.stringify(parsed.faults, null, 1));
    expect(parsed.project.name).toBe('flights');
    expect(parsed.project.data.label?.delayMs).toBe(3 * 3_600_000);
    expect(parsed.project.data.versionEveryMs).toBe(3 * 86_400_000);
    expect(parsed.project.evaluation.fromMs).toBe(Date.UTC(2001, 1, 15));
    expect(parsed.project.replay?.live.toMs).toBe(Date.UTC(2001, 6, 1));
    expect(projectFromDocument(parsed.document)).toEqual(parsed.project);
  });

  it('fills defaults of a short file', () => {
    const parsed = parseProject(minimal, 'project.yaml');
    expect(parsed).toMatchObject({
      kind: 'ok',
      project: { training: { learningRate: 0.003 }, rollout: { automatic: true, strategy: DEFAULT_STRATEGY.name } },
    });
  });

  it('reads the steps of a rollout: with a time, with that by default, or until somebody decides', () => {
    const steps = '[{ weight: 1, for: 2h }, { weight: 10 }, { weight: 50, until: promoted }]';
    const parsed = parseProject(`${minimal}\nrollout: { strategy: canary, steps: ${steps} }\n`, 'project.yaml');
    if (parsed.kind === 'invalid') throw new Error(JSON.stringify(parsed.faults));
    const planned = [{ weight: 1, forMs: 7_200_000 }, { weight: 10, forMs: 600_000 }, { weight: 50 }];
    expect(parsed.project.rollout).toMatchObject({ strategy: 'canary', steps: planned, sticky: true, automatic: true });
    expect(projectFromDocument(parsed.document).rollout.steps).toEqual(planned);
  });

  it.each([
    ['by number', '{ keep: 12 }', { keep: 12, forMs: 0 }, ''],
    ['by age, and what a retraining takes', '{ for: 90d }', { keep: 3, forMs: 90 * 86_400_000 }, ''],
    ['by age alone', '{ for: 90d }', { keep: 0, forMs: 90 * 86_400_000 }, ', onDrift: false'],
    [
      'by age, and what a schedule takes',
      '{ for: 90d }',
      { keep: 3, forMs: 90 * 86_400_000 },
      ', onDrift: false, every: 7d',
    ],
    [
      'by age, and what many rows take',
      '{ for: 90d }',
      { keep: 3, forMs: 90 * 86_400_000 },
      ', onDrift: false, rows: 9',
    ],
    ['by number alone', '{ keep: 1 }', { keep: 1, forMs: 0 }, ', onDrift: false'],
  ])('keeps dataset versions %s', (_name, datasets, kept, off) => {
    const text = `${minimal}\nretrain: { versions: 3${off} }\nretention: { datasets: ${datasets} }\n`;
    expect(parseProject(text, 'project.yaml')).toMatchObject({ project: { retention: { datasets: kept } } });
  });

  it.each([
    ['delay: 1d', 30],
    ['delay: 20d', 60],
    ['delay: 1d, refresh: 15d', 45],
    ['delay: 20d, refresh: 1d, wait: 2d', 2],
  ])('lets labels wait for their record as long as is said, or as follows from %s', (said, days) => {
    const text = minimal.replace('column: repaid', `column: repaid, ${said}`);
    expect(parseProject(text, 'project.yaml')).toMatchObject({ project: { data: { labelWaitMs: days * 86_400_000 } } });
  });

  it('refuses a wait that ends before a label was looked for once', () => {
    const text = minimal.replace('column: repaid', 'column: repaid, refresh: 2d, wait: 1d');
    expect(parseProject(text, 'project.yaml')).toMatchObject({
      kind: 'invalid',
      faults: [{ path: 'data.label.wait', message: expect.stringContaining('data.label.refresh') }],
    });
  });

  it('refuses approvals that nobody is asked for, and takes them where somebody is', () => {
    const parsed = (retrain: string, rollout = '{}') =>
      parseProject(`${minimal}\nretrain: ${retrain}\nrollout: ${rollout}\n`, 'project.yaml');
    expect(parsed('{ approvers: 2, approvalExpires: 1d }')).toMatchObject({
      kind: 'invalid',
      faults: [
        { path: 'retrain.approvers', message: expect.stringContaining('set retrain.approval: manual') },
        { path: 'retrain.approvalExpires', message: expect.stringContaining('nobody is asked') },
      ],
    });
    const project = { retrain: { approvers: 2, approvalExpiresMs: 86_400_000 } };
    for (const [retrain, rollout] of [
      ['{ approval: manual, approvers: 2, approvalExpires: 1d }', '{}'],
      ['{ approvers: 2, approvalExpires: 1d }', '{ automatic: false }'],
    ] as const)
      expect(parsed(retrain, rollout)).toMatchObject({ kind: 'ok', project });
    expect(parsed('{ approval: manual }')).toMatchObject({ kind: 'ok', project: { retrain: { approvers: 1 } } });
  });

  it('refuses to keep less than a retraining takes', () => {
    const text = `${minimal}\nretrain: { versions: 3 }\nretention: { datasets: { keep: 2, for: 90d } }\n`;
    expect(faultsOf(text)).toMatchObject([{ message: expect.stringContaining('newest 3 dataset versions') }]);
  });

  it.each(['Cost Total $', 'größe (m²)', '1st', 'a.b', "customer's", '日付', 'x'.repeat(128)])(
    'takes a column called %s',
    (name) => {
      const renamed = minimal.replaceAll('name: income', `name: ${JSON.stringify(name)}`);
      expect(parseProject(renamed, 'project.yaml')).toMatchObject({ kind: 'ok', project: { features: [{ name }] } });
    },
  );

  it.each(['', ' a', 'a ', '@score', '__proto__', 'a\tb', 'x'.repeat(129)])('refuses a column called %j', (name) => {
    const faults = faultsOf(minimal.replaceAll('name: income', `name: ${JSON.stringify(name)}`));
    expect(faults.map(({ path }) => path)).toContain('data.columns.2.name');
  });

  it('gives the same document for the same content in another order', () => {
    const other = minimal.replace('{ name: income, kind: numeric }', '{ kind: numeric, name: income }');
    const [a, b] = [parseProject(minimal, 'a'), parseProject(other, 'b')];
    expect(a.kind === 'ok' && b.kind === 'ok' && a.document === b.document).toBe(true);
  });

  it('names all faults at once with line and column', () => {
    const broken = flights
      .replace('versionEvery: 3d', 'versionEvery: 3 days')
      .replace('batchRows: 2048', 'batchRow: 2048')
      .replace('max: 23', 'max: many')
      .replace('metric: log_loss', 'metric: logloss');
    const faults = faultsOf(broken);
    expect(faults).toHaveLength(4);
    const lineOf = (needle: string) => broken.split('\n').findIndex((line) => line.includes(needle)) + 1;
    const columnOf = (needle: string) => (broken.split('\n')[lineOf(needle) - 1] as string).indexOf(needle) + 1;
    const byPath = new Map(faults.map((fault) => [fault.path, fault]));
    expect(byPath.get('data.versionEvery')).toMatchObject({ line: lineOf('3 days'), column: columnOf('3 days') });
    expect(byPath.get('training.batchRow')).toMatchObject({ line: lineOf('batchRow:'), column: columnOf('batchRow:') });
    expect(byPath.get('training.batchRow')?.message).toContain("Did you mean 'batchRows'?");
    expect(byPath.get('data.columns.1.max')).toMatchObject({ line: lineOf('max: many'), column: columnOf('many') });
    expect(byPath.get('scope.metric')?.message).toContain("Did you mean 'log_loss'?");
  });

  it.each([
    ['entity: customer', 'entity: custumer', 'data.entity', "Did you mean 'customer'?"],
    ['eventTime: at', 'eventTime: income', 'data.eventTime', 'timestamp'],
    ['column: repaid', 'column: income', 'data.label.column', 'outcome: true'],
    ['{ name: income, kind: numeric }', '{ name: repaid, kind: categorical }', 'features.0.name', 'outcome'],
    ['{ name: income, kind: numeric }', '{ name: customer, kind: numeric }', 'features.0.kind', 'categorical'],
    ['{ name: income, type: number }', '{ name: income, type: number, min: 3, max: 1 }', 'data.columns.2.max', 'below'],
    [
      '{ name: income, type: number }',
      '{ name: income, type: integer, derive: { from: customer, part: hour } }',
      'data.columns.2.derive.from',
      'timestamp',
    ],
    ['{ name: income, type: number }', '{ name: at, type: number }', 'data.columns.2.name', 'twice'],
    [
      'label: { name: good, column: repaid }',
      'label: { name: good, column: repaid, operation: gt, value: 3 }',
      'data.label.column',
      'number or integer',
    ],
    [
      'label: { name: good, column: repaid }',
      'label: { name: good, column: repaid, operation: eq, value: "yes" }',
      'data.label.value',
      `'repaid' is boolean, "yes" is none. Write true or false.`,
    ],
    [
      'label: { name: good, column: repaid }',
      'label: { name: good, column: repaid, operation: ne, value: 1 }',
      'data.label.value',
      `'repaid' is boolean, 1 is none. Write true or false.`,
    ],
    [
      'label: { name: good, column: repaid }',
      'label: { name: good, column: repaid, value: false }',
      'data.label.value',
      'takes the column as it is, whatever value says. Remove value.',
    ],
    [
      '{ name: repaid, type: boolean,',
      '{ name: repaid, type: text,',
      'data.label.column',
      'no label by itself. Write operation: eq and the value that means yes.',
    ],
    [
      'label: { name: good, column: repaid }',
      'label: { name: good, column: repaid, delay: 99999999999w }',
      'data.label.delay',
      "'99999999999w' is too long; at most 36500d.",
    ],
    ['name: loans', 'name: loans\nmonitoring: { window: 36501d }', 'monitoring.window', 'is too long; at most 36500d.'],
    [
      'name: loans',
      'name: loans\ndata_: 1\nmonitoring: { allowedLateness: 1x }',
      'monitoring.allowedLateness',
      'wrong form',
    ],
    ['name: loans', 'name: Loans!', 'name', 'wrong form'],
    [
      'name: loans',
      'name: loans\nnotify: { webhooks: [{ url: "https://a.example/", secret: { env: OPS } }] }',
      'notify.webhooks.0.secret.env',
      'WEBHOOK_SECRET_ and a name',
    ],
    ['name: loans', 'name: loans\nmodel: { kind: logistic, hidden: [8] }', 'model.hidden', 'no hidden layers'],
    ['name: loans', 'name: loans\nmodel: { kind: logistic, dropout: 0.1 }', 'model.dropout', 'kind: mlp'],
    [
      'name: loans',
      'name: loans\nscope: { task: regression }',
      'scope.task',
      'do not work yet. Write binary or score.',
    ],
    [
      'name: loans',
      'name: loans\nscope: { task: guess }',
      'scope.task',
      "No task is called 'guess'. Write binary or score.",
    ],
    [
      '  entity: customer',
      '  slices: [customer]\n  entity: customer',
      'data.slices',
      'Write the columns under evaluation.slices',
    ],
    [
      '  entity: customer',
      '  protected: [customer]\n  entity: customer',
      'data.protected',
      'no fairness checks yet. Remove it',
    ],
    ['name: loans', 'name: loans\nevaluation: { slices: [income] }', 'evaluation.slices.0', 'text, integer or boolean'],
    ['name: loans', 'name: loans\nevaluation: { slices: [repaid] }', 'evaluation.slices.0', 'carries the outcome'],
    [
      'name: loans',
      'name: loans\nevaluation: { slices: [custumer] }',
      'evaluation.slices.0',
      "Did you mean 'customer'?",
    ],
    [
      'name: loans',
      'name: loans\nscope: { baselines: [{ name: desk, kind: human }] }',
      'scope.baselines.0',
      'Add value, its log_loss, or write majority or logistic.',
    ],
    [
      'name: loans',
      'name: loans\nscope: { baselines: [{ name: majority, kind: trivial, value: 1 }] }',
      'scope.baselines.0.value',
      'Remove value',
    ],
    ['name: loans', 'name: loans\nscope: { metric: calibration }', 'scope.metric', 'not one of the known words'],
    ['name: loans', 'name: loans\nscope: { resources: { workers: 65 } }', 'scope.resources.workers', 'at most 64'],
    ['name: loans', 'name: loans\ntraining: { workers: 65 }', 'training.workers', 'at most 64'],
    ...(
      [
        ['{ header: x-cohort, equals: beta }', '', 'version or target, this one has neither'],
        ['{ header: x-cohort, equals: a, version: 2, target: b }', '', 'version or target, this one has both'],
        ['{ header: x-cohort, version: 2 }', '', 'equals or prefix, this one has neither'],
        ['{ header: x-cohort, equals: a, prefix: a, version: 2 }', '', 'equals or prefix, this one has both'],
        ['{ header: X-Cohort, equals: a, version: 2 }', '.header', ''],
        ['{ header: key-bin, equals: a, version: 2 }', '.header', ''],
        ['{ header: x-cohort, equals: "a\\tb", version: 2 }', '.equals', ''],
        ['{ header: x-cohort, pattern: a.*, version: 2 }', '.pattern', ''],
        ['{ header: x-cohort, equals: a, version: 0 }', '.version', ''],
      ] as const
    ).map(([rule, path, words]): [string, string, string, string] => [
      ...(['name: loans', `name: loans\nrollout: { matches: [${rule}] }`] as const),
      `rollout.matches.0${path}`,
      words,
    ]),
    ['name: loans', 'rollout: { strategy: blue_gren }\nname: loans', 'rollout.strategy', "Did you mean 'blue_green'?"],
    [
      'name: loans',
      'rollout: { steps: [{ weight: 5 }] }\nname: loans',
      'rollout.steps',
      'steps do not fit strategy blue_green, which takes none. Write strategy: canary, or remove steps.',
    ],
    [
      'name: loans',
      'rollout: { strategy: canary, steps: [{ weight: 20 }, { weight: 20 }] }\nname: loans',
      'rollout.steps.1.weight',
      'weight 20 follows 20: each step gives more than the one before.',
    ],
    [
      'name: loans',
      'rollout: { strategy: canary, steps: [{ weight: 5, for: 1m, until: promoted }] }\nname: loans',
      'rollout.steps.0.until',
      'Remove for or until.',
    ],
    [
      'name: loans',
      'rollout: { strategy: canary, steps: [{ weight: 100 }] }\nname: loans',
      'rollout.steps.0.weight',
      'at most 99',
    ],
    ['name: loans', 'rollout: { strategy: canary, steps: [] }\nname: loans', 'rollout.steps', 'at least 1'],
  ])('rejects %s → %s', (from, to, path, words) => {
    const faults = faultsOf(minimal.replace(from, to));
    const fault = faults.find((candidate) => candidate.path === path);
    expect(fault?.message).toContain(words);
    expect(fault?.line).toBeGreaterThan(0);
  });

  it('names missing keys and broken YAML', () => {
    expect(faultsOf('name: x\n').map((fault) => fault.path)).toEqual(['data', 'features']);
    expect(faultsOf('name: [x\n')[0]?.message).toContain('YAML');
    expect(faultsOf('').length).toBeGreaterThan(0);
    expect(faultsOf(`evaluation: {}\n${minimal.replace('name: loans', 'evaluation2: 1\nname: loans')}`).length).toBe(1);
    expect(faultsOf(`${minimal}evaluation: { from: 2001-02-30 }\n`)[0]).toMatchObject({ path: 'evaluation.from' });
    expect(faultsOf(flights.replace('reserveFrom: 2001-06-21', 'reserveFrom: 2001-06-31'))[0]).toMatchObject({
      path: 'replay.live.reserveFrom',
    });
  });

  it('refuses what is no project document', () => {
    for (const document of ['', 'null', '{}', '[1]', '{"name":"x","data":{"columns":[]}}']) {
      expect(() => projectFromDocument(document)).toThrow('[corrupt]');
    }
    const parsed = parseProject(minimal, 'project.yaml');
    if (parsed.kind !== 'ok') throw new Error('expected a project');
    expect(() => projectFromDocument(parsed.document.replace('"entity":"customer"', '"entity":"nobody"'))).toThrow(
      '[corrupt]',
    );
  });

  it('reads what an earlier release took and parseProject refuses today, without the part that had no effect', () => {
    const parsed = parseProject(minimal, 'project.yaml');
    if (parsed.kind !== 'ok') throw new Error('expected a project');
    const stored = (part: object) => projectFromDocument(JSON.stringify({ ...JSON.parse(parsed.document), ...part }));
    expect(stored({ model: { kind: 'logistic', dropout: 0 } }).model.kind).toBe('logistic');
    const baselines = [
      { name: 'human', kind: 'human' },
      { name: 'majority', kind: 'trivial' },
    ];
    expect(stored({ scope: { baselines } }).scope.baselines.map(({ name }) => name)).toEqual(['majority']);
    expect(stored({ evaluation: { slices: ['income', 'customer', 'customer'] } }).evaluation.slices).toEqual([
      'customer',
    ]);
  });

  it('names what joins two places beside what the schema refuses', () => {
    const text = minimal.replace(/entity: \w+/, 'entity: nobody').concat('model: { kind: tree }\n');
    expect(faultsOf(text).map((fault) => fault.path)).toEqual(expect.arrayContaining(['data.entity', 'model.kind']));
    expect(faultsOf('name: x\ndata: 3\nfeatures: {}\n').length).toBeGreaterThan(0);
  });

  it('reads online features, with every fault at its place', () => {
    const online = (text: string) => `${minimal}serving:\n  onlineFeatures:\n    columns: [income]\n${text}`;
    const parsed = parseProject(online('    maxAge: 90s\n    defaults: { income: 3 }\n'), 'project.yaml');
    if (parsed.kind !== 'ok') throw new Error(JSON.stringify(parsed.faults));
    expect(parsed.project.serving.onlineFeatures).toEqual({
      columns: ['income'],
      maxAgeMs: 90_000,
      keepMs: 86_400_000,
      entitiesMax: 100_000,
      defaults: { income: 3 },
    });
    const broken = `${minimal}serving:
  onlineFeatures:
    columns: [incom, customer, at, repaid, income, income]
    maxAge: 1ms
    keep: 5ms
    defaults: { income: high, custom: 1 }
`;
    const lineOf = (needle: string) => broken.split('\n').findIndex((line) => line.includes(needle)) + 1;
    const faults = new Map(faultsOf(broken).map((fault) => [fault.path, fault]));
    const at = (path: string) => faults.get(`serving.onlineFeatures.${path}`);
    expect(at('columns.0')).toMatchObject({ line: lineOf('columns: [incom,') });
    expect(at('columns.0')?.message).toContain("Did you mean 'income'?");
    expect(at('columns.1')?.message).toContain('names the entity');
    expect(at('columns.2')?.message).toContain('event time');
    expect(at('columns.3')?.message).toContain('no feature');
    expect(at('columns.5')?.message).toContain('twice');
    expect(at('maxAge')).toMatchObject({ line: lineOf('1ms') });
    expect(at('keep')).toMatchObject({ line: lineOf('5ms') });
    expect(at('defaults.income')?.message).toContain('number value');
    expect(at('defaults.custom')?.message).toContain('no online column');
    expect(faultsOf(online('    maxAges: 1h\n'))[0]?.message).toContain("Did you mean 'maxAge'?");
  });

  it('knows every metric of the registry, and decides only by those that can', () => {
    for (const { name, decides } of METRICS) {
      const kindOf = (more: string) => parseProject(`${minimal}${more}\n`, 'project.yaml').kind;
      expect(kindOf(`evaluation: { thresholds: [{ metric: ${name}, min: 0 }] }`)).toBe('ok');
      expect(kindOf(`scope: { metric: ${name} }`)).toBe(decides ? 'ok' : 'invalid');
    }
  });

  it('stays equal to the published schema', () => {
    const published = JSON.parse(readFileSync(new URL('../../../docs/project.schema.json', import.meta.url), 'utf8'));
    expect(published).toEqual(JSON.parse(JSON.stringify(projectSchema)));
  });
});

// What starts retrainings by itself: one policy, and the keys that are its own.

import { describe, expect, it } from '@jest/globals';
import { OPTIONAL_KEYS, projectTextWith } from '@millrace/testing';
import { parseProject, projectFromDocument } from './parse-project.js';
import { retrainsItself, versionsTaught } from './retrains-itself.js';

const ALL = { recordId: true, entity: true, eventTime: true, label: true };
const parse = (retrain: string) => parseProject(projectTextWith(ALL, `retrain: ${retrain}\n`), 'project.yaml');
const retrainOf = (retrain: string) => {
  const parsed = parse(retrain);
  if (parsed.kind !== 'ok') throw new Error(JSON.stringify(parsed.faults));
  expect(projectFromDocument(parsed.document)).toEqual(parsed.project);
  return parsed.project.retrain;
};

describe('retrain.policy', () => {
  it('is alarm where nothing is said: drift starts a retraining, and nothing has a price', () => {
    expect(retrainOf('{}')).toEqual(retrainOf('{ policy: alarm }'));
    expect(retrainOf('{}')).toMatchObject({ onDrift: true });
    expect(retrainOf('{}').prices).toBeUndefined();
  });

  it('schedule leaves every and rows, and answers no drift', () => {
    expect(retrainOf('{ policy: schedule, every: 7d }')).toMatchObject({ onDrift: false, everyMs: 7 * 86_400_000 });
    expect(retrainOf('{ policy: schedule, rows: 500 }')).toMatchObject({ onDrift: false, rows: 500 });
  });

  it('cost has prices, and answers no drift by itself; a loss of 1 on a prediction is the unit by default', () => {
    const cost = retrainOf('{ policy: cost, prices: { retraining: 40 } }');
    expect(cost).toMatchObject({ onDrift: false, prices: { retraining: 40, loss: 1 } });
    expect(retrainsItself(cost)).toBe(true);
    expect(retrainOf('{ policy: cost, prices: { retraining: 40, loss: 0.05 } }').prices).toEqual({
      ...{ retraining: 40, loss: 0.05 },
    });
  });

  it('cost learns from up to 16 times as many dataset versions as versions says, or from as many as it is told', () => {
    const cost = (more: string) => retrainOf(`{ policy: cost, prices: { retraining: 40 }${more} }`);
    expect(cost('')).toMatchObject({ versions: 3, versionsMax: 48 });
    expect(cost(', versions: 200')).toMatchObject({ versions: 200, versionsMax: 256 });
    expect(cost(', versionsMax: 3')).toMatchObject({ versions: 3, versionsMax: 3 });
    expect(versionsTaught(cost(', versionsMax: 12'))).toBe(12);
    expect(retrainOf('{}').versionsMax).toBeUndefined();
    expect(versionsTaught(retrainOf('{ versions: 5 }'))).toBe(5);
    expect(versionsTaught(retrainOf('{ versions: 5, onDrift: false }'))).toBe(0);
  });

  it.each([
    ['{ versionsMax: 12 }', 'retrain.versionsMax', 'versionsMax is of policy cost, and this one is alarm'],
    ['{ policy: cost, prices: { retraining: 4 }, versions: 5, versionsMax: 4 }', 'retrain.versionsMax', 'at least 5'],
    ['{ prices: { retraining: 40 } }', 'retrain.prices', 'prices are of policy cost, and this one is alarm'],
    ['{ policy: schedule, every: 1d, prices: { retraining: 4 } }', 'retrain.prices', 'this one is schedule'],
    ['{ policy: cost }', 'retrain.policy', 'policy cost needs prices. Add prices'],
    ['{ policy: cost, prices: { retraining: 4 }, every: 7d }', 'retrain.every', 'Remove every.'],
    ['{ policy: cost, prices: { retraining: 4 }, rows: 7 }', 'retrain.rows', 'Remove rows.'],
    ['{ policy: cost, prices: { retraining: 4 }, onDrift: true }', 'retrain.onDrift', 'Remove onDrift.'],
    ['{ policy: schedule }', 'retrain.policy', 'needs every or rows. Add one of them'],
    ['{ policy: schedule, every: 7d, onDrift: true }', 'retrain.onDrift', 'answers no drift'],
    ['{ policy: cost, prices: { retraining: -1 } }', 'retrain.prices.retraining', '0'],
    ['{ policy: cost, prices: { loss: 1 } }', 'retrain.prices.retraining', ''],
  ])('%s is refused', (retrain, path, message) => {
    const parsed = parse(retrain);
    expect(parsed).toMatchObject({ kind: 'invalid', faults: [{ path, message: expect.stringContaining(message) }] });
  });

  it('is none of a project without a label', () => {
    for (const keys of OPTIONAL_KEYS.filter(({ label }) => !label))
      expect(parseProject(projectTextWith(keys, 'retrain: { policy: schedule, every: 7d }\n'), 'p').kind).not.toBe(
        'ok',
      );
  });
});

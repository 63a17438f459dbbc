// Record id, entity, event time and label may each be absent: what then holds, and what may not be written any more.

import { describe, expect, it } from '@jest/globals';
import { namesOf, OPTIONAL_KEYS, type OptionalKeys, projectTextWith } from '@millrace/testing';
import { parseProject, projectFromDocument } from './parse-project.js';

const ALL: OptionalKeys = { recordId: true, entity: true, eventTime: true, label: true };

function faultsOf(text: string) {
  const parsed = parseProject(text, 'project.yaml');
  return parsed.kind === 'ok' ? [] : parsed.faults;
}

function projectOf(text: string) {
  const parsed = parseProject(text, 'project.yaml');
  if (parsed.kind !== 'ok') throw new Error(JSON.stringify(parsed.faults));
  return parsed;
}

describe('a project file', () => {
  it.each(OPTIONAL_KEYS.map((keys) => [namesOf(keys), keys] as const))('with %s', (_names, keys) => {
    const { project, document } = projectOf(projectTextWith(keys));
    expect(project.data).toMatchObject({
      recordId: keys.recordId ? 'id' : undefined,
      entity: keys.entity ? 'customer' : undefined,
      eventTime: keys.eventTime ? 'at' : undefined,
      label: keys.label ? { name: 'paid', delayMs: 3_600_000 } : undefined,
    });
    expect(project.rollout.sticky).toBe(keys.entity);
    expect(project.retrain.onDrift).toBe(keys.label);
    expect(projectFromDocument(document)).toEqual(project);
  });

  it('says for every source what identifies its rows', () => {
    const source = (keys: OptionalKeys, recordId = '') =>
      projectTextWith(keys).replace('data:\n', `data:\n  sources: { s: { kind: csv, path: s.csv${recordId} } }\n`);
    const idOf = (text: string) => projectOf(text).project.data.sources.s?.recordId;
    expect(idOf(source(ALL))).toBe('id');
    expect(idOf(source({ ...ALL, recordId: false }))).toBeUndefined();
    expect(idOf(source({ ...ALL, recordId: false }, ', recordId: row-number'))).toBe('row-number');
    expect(idOf(source({ ...ALL, recordId: false }, ', recordId: number'))).toBe('number');
    expect(faultsOf(source(ALL, ', recordId: row-number'))[0]).toMatchObject({
      path: 'data.sources.s.recordId',
      message: expect.stringContaining('Remove recordId here'),
    });
  });

  const without = (key: keyof OptionalKeys) => ({ ...ALL, [key]: false });
  it.each<[string, keyof OptionalKeys, string, string, string]>([
    ['no entity', 'entity', 'rollout: { sticky: true }', 'rollout.sticky', 'data.entity'],
    [
      'no entity',
      'entity',
      'serving: { onlineFeatures: { columns: [amount] } }',
      'serving.onlineFeatures',
      'looked up',
    ],
    ['no event time', 'eventTime', 'evaluation: { from: 2024-01-01 }', 'evaluation.from', 'Write share'],
    ['no label', 'label', 'evaluation: { share: 0.3 }', 'evaluation.share', 'Add data.label'],
    ['no label', 'label', 'evaluation: { thresholds: [{ metric: auc, min: 0.5 }] }', 'evaluation.thresholds', 'Add'],
    ['no label', 'label', 'training: { epochs: 3 }', 'training', 'Add data.label, or remove training'],
    ['no label', 'label', 'retrain: { versions: 2 }', 'retrain', 'Add data.label, or remove retrain'],
  ])('with %s (%s) refuses %s', (_what, key, more, path, words) => {
    expect(faultsOf(projectTextWith(ALL, `${more}\n`))).toEqual([]);
    const fault = faultsOf(projectTextWith(without(key), `${more}\n`)).find((candidate) => candidate.path === path);
    expect(fault?.message).toContain(words);
  });

  it('without event time refuses a part of it, and says what to name', () => {
    const derived = (keys: OptionalKeys) =>
      projectTextWith(keys).replace('amount, type: number', 'amount, type: integer, derive: { from: at, part: hour }');
    expect(faultsOf(derived(ALL))).toEqual([]);
    expect(faultsOf(derived(without('eventTime')))[0]).toMatchObject({
      path: 'data.columns.3.derive',
      message: expect.stringContaining('data.eventTime (eventTime: at)'),
    });
  });

  it('does not sticky-route where that is turned off, whatever entity it has', () => {
    expect(projectOf(projectTextWith(ALL, 'rollout: { sticky: false }\n')).project.rollout.sticky).toBe(false);
    expect(faultsOf(projectTextWith(without('entity'), 'rollout: { sticky: false }\n'))).toEqual([]);
  });

  it.each([
    ['a column that is not there', 'recordId: id', 'recordId: ids', "Did you mean 'id'?"],
    ['a number', 'recordId: id', 'recordId: amount', 'text or integer'],
    ['one that may lack', 'id, type: integer, required: true', 'id, type: integer', 'required: true'],
  ])('refuses as record id %s', (_what, from, to, words) => {
    const fault = faultsOf(projectTextWith(ALL).replace(from, to))[0];
    expect(fault?.path).toBe('data.recordId');
    expect(fault?.message).toContain(words);
  });

  it('refuses the record id as a feature', () => {
    const text = projectTextWith(ALL).replace('{ name: amount, kind', '{ name: id, kind');
    expect(faultsOf(text)[0]).toMatchObject({
      path: 'features.0.name',
      message: expect.stringContaining('identifies'),
    });
  });

  it('needs all of them for a replay', () => {
    const replay = `replay:
  source: s
  history: { from: 2024-01-01, to: 2024-02-01, trainTo: 2024-01-15, rows: 10 }
  live: { from: 2024-02-01, to: 2024-03-01, rows: 10 }
`;
    const text = (keys: OptionalKeys) =>
      projectTextWith(keys, replay).replace('data:\n', 'data:\n  sources: { s: { kind: csv, path: s.csv } }\n');
    expect(faultsOf(text(ALL))).toEqual([]);
    for (const key of ['entity', 'eventTime', 'label'] as const)
      expect(
        faultsOf(text(without(key)))
          .map(({ message }) => message)
          .join(),
      ).toContain(`Add data.${key}.`);
  });
});

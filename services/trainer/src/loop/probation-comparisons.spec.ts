import { describe, expect, it } from '@jest/globals';
import { PlatformError } from '@millrace/domain';
import { parseProject } from '@millrace/project';
import { LOANS_PROJECT } from '@millrace/testing';
import type { LoopInput } from './loop-state.js';
import { type CompareEffect, ProbationComparisons, type ProbationPorts } from './probation-comparisons.js';

const parsed = parseProject(LOANS_PROJECT, 'project.yaml');
if (parsed.kind !== 'ok') throw new Error(JSON.stringify(parsed.faults));
const { project } = parsed;

const effect = (n = 1, version = 2): CompareEffect => ({
  ...{ kind: 'compare', version, against: 1, datasetVersion: `d${n}`, share: 1 },
});

function make(over: Partial<{ read: () => Promise<never>; opponent: () => Promise<never>; gone: string }> = {}) {
  const told: LoopInput[] = [];
  let reads = 0;
  const ports: ProbationPorts = {
    rows: {
      versions: (_, ids) =>
        ids.map((id) => {
          if (id === over.gone) throw new PlatformError('not_found', `no dataset version ${id}`);
          return { id, kind: 'live', source: '', labelRule: '' };
        }),
      read: async () => {
        reads += 1;
        await over.read?.();
        return {
          ...{
            columns: {},
            labels: new Float32Array([0, 1]),
            eventTimeMs: new Float64Array(2),
            idHashes: null,
            rows: 2,
          },
          ...{ leftOut: { withoutLabel: 0, repeats: 0 }, warnings: [] },
        };
      },
    },
    models: {
      opponent: async (_, version) => {
        await over.opponent?.();
        return { version, labelRule: '', inputs: [], score: async () => new Float32Array([0.2, version / 4]) };
      },
    },
    turn: async () => undefined,
    project: (name) => (name === project.name ? project : undefined),
    tell: async (_, input) => void told.push(input),
    log: { info: () => undefined, error: () => undefined },
  };
  return { comparisons: new ProbationComparisons(ports), told, ports, reads: () => reads };
}

describe('the comparisons of probations', () => {
  it('bring each result as an input, in their order; one that is asked for twice is one', async () => {
    const { comparisons, told, reads } = make();
    for (const n of [1, 2, 1]) comparisons.ask(project.name, effect(n));
    await comparisons.idle();
    expect(reads()).toBe(2);
    expect(told).toMatchObject([
      { kind: 'compared', version: 2, datasetVersion: 'd1', rows: { rows: 2 } },
      { kind: 'compared', version: 2, datasetVersion: 'd2' },
    ]);
    comparisons.ask(project.name, effect(1));
    await comparisons.idle();
    expect(told).toHaveLength(3);
  });

  it.each([
    [
      'again',
      'the store is away',
      { read: () => Promise.reject(new PlatformError('unavailable', 'the store is away')) },
    ],
    [
      'skip',
      'the file is damaged',
      { read: () => Promise.reject(new PlatformError('corrupt', 'the file is damaged')) },
    ],
    ['end', 'no version 1', { opponent: () => Promise.reject(new PlatformError('not_found', 'no version 1')) }],
    ['skip', 'the dataset version is no more', { gone: 'd1' }],
  ])('that cannot be had say whether it is worth trying: %s, for %s', async (outcome, reason, over) => {
    const { comparisons, told } = make(over);
    comparisons.ask(project.name, effect());
    await comparisons.idle();
    expect(told).toEqual([{ kind: 'not_compared', version: 2, datasetVersion: 'd1', outcome, reason }]);
  });

  it('of a project that is no more are none, and a result that cannot be told holds no other one', async () => {
    const { comparisons, told, ports } = make();
    const { tell } = ports;
    let fail = true;
    ports.tell = async (name, input) => {
      if (fail) throw new PlatformError('internal', 'no');
      await tell(name, input);
    };
    comparisons.ask('gone', effect());
    comparisons.ask(project.name, effect());
    await comparisons.idle();
    fail = false;
    comparisons.ask(project.name, effect());
    await comparisons.idle();
    expect(told).toHaveLength(1);
  });
});

import { describe, expect, it } from '@jest/globals';
import { PlatformError } from '@millrace/domain';
import { answerOf, bodyOf, queryOf } from './check.js';
import type { Endpoint } from './endpoint.js';
import { ingestApi, routerApi, servingApi, trainerApi } from './index.js';

const { setWeights, promote, rollback } = routerApi.endpoints;
const { startTraining, models } = trainerApi.endpoints;

function refusal(check: () => unknown): string {
  try {
    check();
  } catch (error) {
    expect((error as PlatformError).code).toBe('invalid_argument');
    return (error as PlatformError).reason;
  }
  throw new Error('nothing was refused');
}

describe('bodyOf', () => {
  it('gives what fits, and takes an absent body for an empty one', () => {
    expect(bodyOf(promote, { version: 3, reason: 'r' })).toEqual({ version: 3, reason: 'r' });
    expect(bodyOf(rollback, undefined)).toEqual({});
  });

  it.each<[string, Endpoint, unknown, string[]]>([
    ['no object', promote, [], ['the body is an object']],
    [
      'a field that nobody reads',
      promote,
      { version: 1, verion: 2 },
      ['unknown field verion', 'known: version, reason'],
    ],
    ['what is missing', promote, {}, ['version is missing']],
    ['a part of a version', promote, { version: 1.5 }, ['version is a whole number']],
    ['a version below 1', promote, { version: 0 }, ['version is at least 1']],
    ['a text that is too long', promote, { version: 1, reason: 'x'.repeat(1_025) }, ['at most 1024 characters']],
    [
      'a field of an entry',
      setWeights,
      { weights: [{ version: 1, weight: 101 }] },
      ['weights.0.weight is at most 100'],
    ],
    ['an empty list', setWeights, { weights: [] }, ['weights has at least 1 entries']],
    ['a share of 1', startTraining, { evaluationShare: 1 }, ['evaluationShare is below 1']],
    [
      'rows that are neither a number nor all, with what to write',
      ingestApi.endpoints.startImport,
      { source: 's', rows: 'some' },
      ['rows does not fit'],
    ],
    [
      'a text of the wrong form, with what it is',
      servingApi.endpoints.startJob,
      { model: 'm', input: 'a b', output: 'c' },
      ['input does not fit: Name of a topic.'],
    ],
    [
      'all faults at once',
      startTraining,
      { workers: -1, seed: 'x' },
      ['workers is at least 0', 'seed is a whole number'],
    ],
  ])('refuses %s', (_, endpoint, value, words) => {
    const reason = refusal(() => bodyOf(endpoint, value));
    for (const word of words) expect(reason).toContain(word);
  });

  it('names at most eight faults, and how many more there are', () => {
    const many = Object.fromEntries(Array.from({ length: 20 }, (_, i) => [`field${i}`, 1]));
    expect(refusal(() => bodyOf(promote, many))).toMatch(/; and 13 more$/);
  });

  it('looks for the first fault only in a body of very many values', () => {
    const body = { datasetVersions: Array.from({ length: 1_000_000 }, () => 1), workers: -1 };
    const reason = refusal(() => bodyOf(startTraining, body));
    expect(reason).toBe('datasetVersions.0 is a text');
  });

  it('shows no more of a name than a person reads', () => {
    expect(refusal(() => bodyOf(promote, { version: 1, ['x'.repeat(10_000)]: 1 })).length).toBeLessThan(300);
  });
});

describe('queryOf', () => {
  it('makes numbers of texts, and takes an empty parameter for an absent one', () => {
    expect(queryOf(models, { limit: '20' })).toEqual({ limit: 20 });
    expect(queryOf(models, { limit: '' })).toEqual({});
  });

  it.each([['0'], ['1001'], ['1.5'], ['many'], ['1e999'], ['Infinity']])('refuses a limit of %s', (limit) => {
    expect(refusal(() => queryOf(models, { limit }))).toContain('limit is');
  });

  it('makes truths of texts, and takes no other word for one', () => {
    const { deadLetters } = ingestApi.endpoints;
    expect(['true', 'false'].map((redriven) => queryOf(deadLetters, { redriven }).redriven)).toEqual([true, false]);
    expect(refusal(() => queryOf(deadLetters, { redriven: 'yes' }))).toContain('redriven is');
  });

  it('refuses a parameter that nobody reads', () => {
    expect(refusal(() => queryOf(models, { limt: '3' }))).toContain('unknown field limt; known: limit');
  });
});

describe('answerOf', () => {
  it('passes over fields that a newer service adds', () => {
    const answer = { importId: 'x', added: 1 };
    expect(answerOf(ingestApi.endpoints.startImport.answer, answer, 'ingest')).toEqual(answer);
  });

  it('says whose answer is not what its API says', () => {
    expect(() => answerOf(ingestApi.endpoints.startImport.answer, {}, 'ingest: POST /x')).toThrow(
      'ingest: POST /x answered something else than its API says: importId is missing',
    );
  });
});

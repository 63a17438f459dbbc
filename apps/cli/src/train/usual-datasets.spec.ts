import { describe, expect, it } from '@jest/globals';
import { replacedText, usualDatasets } from './usual-datasets.js';

const DAY_MS = 86_400_000;
const days = (from = 0, to = from) => ({
  labelRule: '',
  rows: 10,
  eventTimeFromMs: from * DAY_MS,
  eventTimeToMs: to * DAY_MS,
});
const live = (id: string, ordinal = id.charCodeAt(0), rowsOf = 0) =>
  ({ id, kind: 'live', source: 'stream', ordinal, rowsOf, ...days() }) as const;
const imported = (id: string, source = `file:${id}`, ordinal = id.charCodeAt(0), rowsOf = 0, span = days()) =>
  ({ id, kind: 'import', source, ordinal, rowsOf, ...span }) as const;
const LOANS = { name: 'loans', isTimed: true, labelRule: 'y = "ja"' };
const usual = (datasets: Parameters<typeof usualDatasets>[1], isTimed = true) =>
  usualDatasets({ ...LOANS, isTimed }, datasets).ids;

describe('the usual datasets of a training', () => {
  it('are all imports, also where live versions are newer', () => {
    expect(usual([imported('a'), live('b'), imported('c'), live('d')])).toEqual(['a', 'c']);
  });

  it('are of a file that was imported again only the newest', () => {
    const datasets = [imported('a', 'file:jan'), imported('b', 'file:feb'), imported('c', 'file:jan')];
    expect(usual(datasets)).toEqual(['b', 'c']);
  });

  it('are all files of one name whose event times do not meet, as jan/loans.csv and feb/loans.csv', () => {
    const of = (id: string, from: number, to: number) => imported(id, 'upload:loans.csv', undefined, 0, days(from, to));
    const [jan, feb] = [of('a', 0, 30), of('b', 31, 58)];
    expect(usual([jan, feb])).toEqual(['a', 'b']);
    // Of a project without event times they are those of the import.
    expect(usual([jan, feb], false)).toEqual(['b']);
    // January again: in the place of January.
    expect(usual([jan, feb, of('c', 0, 30)])).toEqual(['b', 'c']);
    // What was replaced itself replaces nothing.
    expect(usual([jan, of('b', 20, 50), of('c', 40, 58)])).toEqual(['a', 'c']);
  });

  it('say what they leave out, and for what', () => {
    const datasets = [1, 2, 3, 4, 5, 6, 7].map((at) => imported(`${at}`.repeat(64), 'upload:loans.csv', at));
    const lines = replacedText(usualDatasets(LOANS, datasets));
    expect(lines).toHaveLength(6);
    expect(lines[0]).toBe('111111111111 (loans.csv, 10 rows) is left out: 777777777777 is a later import of that name');
    expect(lines[5]).toContain('and 1 more; `--dataset ID…` names what is to be taken');
    expect(replacedText(usualDatasets(LOANS, datasets.slice(0, 1)))).toEqual([]);
  });

  it('prefer labels of the rule that the project file has, however old', () => {
    const by = (labelRule: string, one: ReturnType<typeof imported>) => ({ ...one, labelRule });
    const [ja, nein] = ['y = "ja"', 'y = "nein"'];
    // Loaded anew after the rule was changed, and after it was changed back.
    expect(usual([by(nein, imported('a', 'file:jan')), by(ja, imported('b', 'file:jan'))])).toEqual(['b']);
    expect(usual([by(ja, imported('a', 'file:jan')), by(nein, imported('b', 'file:jan'))])).toEqual(['a']);
    // What nothing stands for is named, so that the trainer tells of it.
    expect(usual([by(nein, imported('a', 'file:jan')), by(ja, imported('b', 'file:feb'))])).toEqual(['a', 'b']);
    expect(usual([by(nein, imported('a', 'file:jan'))])).toEqual(['a']);
    // Of the same rows.
    expect(usual([by(ja, imported('a', 'file:jan', 1)), by(nein, imported('c', 'file:jan', 3, 1))])).toEqual(['a']);
    // It is the rule that is told, for the one that is taken may be the older one.
    const [first, second] = ['a', 'b'].map((letter) => letter.repeat(64)) as [string, string];
    const both = [by(ja, imported(first, 'file:jan', 1)), by(nein, imported(second, 'file:jan', 2))];
    expect(replacedText(usualDatasets(LOANS, both))[0]).toBe(
      'bbbbbbbbbbbb (jan, 10 rows) is left out: its labels were made by another rule (y = "nein") than the project’s, ' +
        'and those of aaaaaaaaaaaa, an import of that name, by it',
    );
  });

  it('are all live versions where nothing was imported', () => {
    expect(usual([live('a'), live('b')])).toEqual(['a', 'b']);
  });

  it('are of a span the version with the newest labels', () => {
    expect(usual([live('a', 1), live('b', 2), live('c', 3, 1)])).toEqual(['b', 'c']);
  });

  it('are of an import the version with the newest labels, in the place of the import', () => {
    const jan = imported('a', 'file:jan', 1);
    const feb = imported('b', 'file:feb', 2);
    expect(usual([jan, feb, imported('c', 'file:jan', 3, 1)])).toEqual(['c', 'b']);
    // Labels of the older file do not put it before the one that replaced it.
    const again = imported('d', 'file:jan', 4);
    expect(usual([jan, feb, again, imported('e', 'file:jan', 5, 1)])).toEqual(['b', 'd']);
    // Its first labels again: announced anew, as the newest.
    const back = imported('a', 'file:jan', 5, 1);
    expect(usual([back, feb, imported('c', 'file:jan', 3, 1), again])).toEqual(['b', 'd']);
  });

  it('are refused with what to do where there are none', () => {
    expect(() => usual([])).toThrow(/no dataset version yet.*millrace ingest loans --file FILE/);
  });
});

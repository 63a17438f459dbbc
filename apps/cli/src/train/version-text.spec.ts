import { describe, expect, it } from '@jest/globals';
import type { Version } from './training-report.js';
import { versionText } from './version-text.js';

const evaluation = {
  ...{ rows: 900, metrics: { auc: 0.71, log_loss: 0.4231 }, positiveShare: 0.2 },
  ...{ eventTimeFromMs: 1_000, eventTimeToMs: 2_000 },
};
const compared = { metric: 'log_loss', rows: 900, value: 0.4231, confidence: 0.8 };

const version = {
  ...{ version: 4, origin: 'trained', blessed: true, trainRows: 3_600, trainSeconds: 2, warnings: [], evaluation },
  ...{ verdict: 'version 4 is blessed: log loss 0.4231', reasons: ['Log loss is lower.', 'AUC is above.'] },
  ...{ championVersion: 3, championStanding: 'in service' },
  championComparison: { ...compared, other: 0.4368, difference: -0.0137, lower: -0.0181, upper: -0.0093 },
  trivialComparison: { ...compared, other: 0.5004, difference: -0.0773, lower: -0.0852, upper: -0.0694 },
  baselines: [
    { name: 'majority', kind: 'trivial', evaluation: { ...evaluation, metrics: { log_loss: 0.5004 } } },
    { name: 'logistic', kind: 'older_system', evaluation: { ...evaluation, metrics: { log_loss: 0.43 } } },
    { name: 'clerks', kind: 'human', value: 0.45 },
  ],
} as unknown as Version;

describe('a version in full', () => {
  it('says against what it was judged, in service or not, on how many rows, by how much and how sure', () => {
    const lines = versionText(version, {}, undefined).split('\n');
    expect(lines.slice(0, 2)).toEqual([
      'version 4 is blessed: log loss 0.4231',
      expect.stringMatching(/^ {2}trained on 3600 rows; evaluated on 900 others/),
    ]);
    expect(lines).toContain('Log loss on 900 rows:');
    const cells = lines.map((line) => line.trim().split(/ {2,}/));
    expect(cells).toContainEqual(['against', 'version 4', 'the other', 'difference', '80 %']);
    expect(cells).toContainEqual(['version 3 (in service)', '0.4231', '0.4368', '−0.0137', '−0.0181 to −0.0093']);
    expect(cells).toContainEqual(['the trivial baseline', '0.4231', '0.5004', '−0.0773', '−0.0852 to −0.0694']);
    expect(cells).toContainEqual(['the logistic baseline', '0.4231', '0.4300']);
    expect(cells).toContainEqual(['clerks, as stated', '0.4231', '0.4500']);
    expect(lines.slice(-3)).toEqual(['gates:', '  Log loss is lower.', '  AUC is above.']);
  });

  it('of a first version names no other, and of an earlier build says what there is', () => {
    const { championComparison: _, ...first } = version;
    expect(versionText(first, {}, undefined)).not.toContain('in service');
    const { trivialComparison: __, ...earlier } = first;
    expect(versionText(earlier, {}, undefined)).not.toContain('Log loss on');
    expect(versionText(earlier, {}, undefined)).toContain('gates:\n  Log loss is lower.');
  });
});

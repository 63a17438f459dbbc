import { describe, expect, it } from '@jest/globals';
import { PlatformError } from '@millrace/domain';
import { BrokenRow } from './broken-row.js';
import type { LabelBody } from './label-fields.js';
import { sendLabels } from './send-labels.js';

const label = (i: number): LabelBody => ({ recordId: String(i), value: i >= 0 });

/** Refuses what has the value false. */
function taker() {
  const taken: LabelBody[] = [];
  const send = async (labels: readonly LabelBody[]) => {
    const rejected = labels.flatMap((one, index) =>
      one.value === true
        ? []
        : [{ index, recordId: String(one.recordId), reasons: [{ field: 'value', message: 'is bad' }] }],
    );
    taken.push(...labels.filter(({ value }) => value === true));
    return { accepted: labels.length - rejected.length, rejected };
  };
  return { taken, send };
}

describe('labels of a file', () => {
  it('are sent though rows between them cannot be read, and each refusal has its row', async () => {
    const { taken, send } = taker();
    const rows = Array.from({ length: 2_500 }, (_, i) => label(i));
    const given = [...rows.slice(0, 1_200), new BrokenRow('no JSON'), label(-1), ...rows.slice(1_200)];
    const { refused, ...counts } = await sendLabels(send, given);
    expect(counts).toEqual({ accepted: 2_500, rejected: 1, broken: 1 });
    expect(taken).toEqual(rows);
    expect(refused).toEqual([
      { row: 1_201, recordId: '', reasons: [{ field: '', message: 'no JSON' }] },
      { row: 1_202, recordId: '-1', reasons: [{ field: 'value', message: 'is bad' }] },
    ]);
  });

  it('say how many were taken where sending ends in the middle', async () => {
    let requests = 0;
    const { send } = taker();
    const failing = (labels: readonly LabelBody[]) => {
      requests += 1;
      if (requests < 3) return send(labels);
      return Promise.reject(new PlatformError('unavailable', 'no answer'));
    };
    const rows = Array.from({ length: 2_500 }, (_, i) => label(i));
    await expect(sendLabels(failing, rows)).rejects.toMatchObject({
      code: 'unavailable',
      reason: 'no answer; 2000 labels before it were accepted',
    });
  });
});
